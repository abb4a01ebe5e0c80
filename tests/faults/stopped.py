"""Workers that stopped because a person has to decide (I8): their one error line, and the command it asks for."""

import re

from tests.acceptance.engine import Finished
from tests.faults.system import System, Worker
from tests.support import wait_until

STOPPED_SECONDS = 90.0
"""A worker may have to connect again (10 s), wait for the group, and wait 15 s for a log's end before it gives up."""
INSIST = "use --force"
OWNED = "is owned by"
"""How the commands refuse while the group has not missed a member that was killed."""


def wait_for_error(system: System, *parts: str) -> str:
    """The error line of the first worker that stops. Fails where it says anything else than ``parts`` among others."""
    stopped = wait_until(lambda: _ended(system), STOPPED_SECONDS, "a worker that stops")
    return assert_error(system, stopped, *parts)


def wait_for_errors(system: System, *parts: str) -> list[str]:
    """The error lines of all workers, which all must stop by themselves; none is left then."""
    wait_until(
        lambda: all(worker.poll() is not None for worker in system.workers), STOPPED_SECONDS, "the end of all workers"
    )
    errors = [assert_error(system, worker, *parts) for worker in system.workers]
    end_all(system)
    return errors


def _ended(system: System) -> Worker | None:
    return next((worker for worker in system.workers if worker.poll() is not None), None)


def assert_error(system: System, stopped: Worker, *parts: str, code: int = 1) -> str:
    """The one error line of a worker that has ended with this exit code and no traceback."""
    log = system.log_of(stopped)
    assert stopped.returncode == code, f"exit code {stopped.returncode}\n{log[-3000:]}"
    assert "Traceback" not in log, log[-5000:]
    lines = [line for line in log.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, log[-3000:]
    missing = [part for part in parts if part not in lines[0]]
    assert not missing, f"not in the error: {missing}; it is: {lines[0]}"
    return lines[0]


def end_all(system: System) -> None:
    """Kill what still runs: it would stop for the same reason, or has nothing to own."""
    for worker in list(system.workers):
        system.kill(worker)


def ways_out(error: str) -> list[list[str]]:
    """The commands that an error line names, without the program."""
    return [way.split() for way in re.findall(r"`engagement-stream ([^`]+)`", error)]


def decide(system: System, error: str) -> None:
    """Take one of the two ways out that the error of a stopped worker must name, and let workers go on."""
    ways = ways_out(error)
    assert {way[0] for way in ways} == {"rebuild", "accept-gap"}, error
    with system.checker.rebuilding():
        command(system, *system.random.choice(ways))
    system.start_workers()
    system.steady()


def command(system: System, *arguments: str) -> None:
    """Give the command as a person would, who waits while a dead worker owns the partition, and insists where asked."""

    def given() -> Finished | None:
        finished = system.engine.stream(*arguments)
        return None if finished.code and OWNED in finished.err else finished

    finished = wait_until(given, what="a group without the dead")
    if finished.code and INSIST in finished.err:
        finished = system.engine.stream(*arguments, "--force")
    assert finished.code == 0, finished.err


def count_again(system: System) -> None:
    """Rebuild every slot of both topics, and let workers count them."""
    with system.checker.rebuilding():
        for topic in ("actions", "accounts"):
            command(system, "rebuild", "--topic", topic)
    system.start_workers()
    system.steady()
