"""Workers that die, hang, freeze, run out of memory or are told to stop, at any step."""

import resource
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.faults.build import REACHED, Build, Point
from tests.faults.catalog.fault import Fault
from tests.faults.system import POLL_SECONDS, System, Worker

LATEST_VISIT = 4
BEYOND_POLL = POLL_SECONDS + 2.0
REACH_SECONDS = 40.0
SHARE_SECONDS = 5.0
BURST = 10
OUT_OF_MEMORY_SECONDS = 6.0
LOADED = "slot loaded"
PAGE = resource.getpagesize()

CHECKPOINT = (
    Point.BEFORE_RECORD,
    Point.AFTER_RECORD,
    Point.BEFORE_SEND,
    Point.AFTER_SEND,
    Point.AFTER_ANSWER,
    Point.AFTER_CONFIRMATION,
    Point.AFTER_FOLD,
    Point.AFTER_REJECTS,
    Point.AFTER_DELIVERY,
    Point.WHILE_CLOSING,
    Point.BEFORE_COMMIT,
    Point.AFTER_COMMIT,
    Point.IN_LOAD,
    Point.AFTER_LOAD,
)
FEW_VISITS = {Point.IN_LOAD: 2, Point.AFTER_LOAD: 2, Point.BEFORE_COMMIT: 1, Point.AFTER_COMMIT: 1}
REVOKE = (Point.BEFORE_REVOKE, Point.IN_REVOKE)
HANGS = (Point.BEFORE_SEND, Point.AFTER_FOLD, Point.AFTER_SEND, Point.AFTER_LOAD)


def die(points: Sequence[Point], system: System) -> None:
    """Workers die there. One joins the others, and gets all where its share is too little; more stand alone."""
    doomed = [system.start_worker(build=_dying(system, point)) for point in points]
    if len(doomed) > 1:
        end_others(system, doomed)
    for worker, point in zip(doomed, points, strict=True):
        try:
            expect_death(system, worker, point, SHARE_SECONDS)
        except AssertionError:
            end_others(system, doomed)
            expect_death(system, worker, point, REACH_SECONDS)
        system.kill(worker)
    system.start_workers()


def _dying(system: System, point: Point) -> Build:
    return Build(at=point, occurrence=system.random.randint(1, FEW_VISITS.get(point, LATEST_VISIT)))


def dies_in_revoke(point: Point, system: System) -> None:
    """A worker has all partitions and dies when it has to give some of them up."""
    doomed = system.start_worker(build=Build(at=point))
    end_others(system, [doomed])
    before = system.offsets()
    system.until(lambda: system.moved_on(before), REACH_SECONDS, "one owner of all")
    system.start_worker()
    expect_death(system, doomed, point, REACH_SECONDS)
    system.kill(doomed)
    system.start_workers()


def end_others(system: System, kept: Sequence[Worker]) -> None:
    for worker in [worker for worker in system.workers if worker not in kept]:
        system.stop(worker)


def expect_death(system: System, doomed: Worker, point: Point, seconds: float) -> None:
    system.until(lambda: doomed.poll() is not None, seconds, f"death {point}")
    assert system.reached(doomed), f"ended elsewhere:\n{system.log_of(doomed)[-2000:]}"


def hangs(point: Point, system: System) -> None:
    """A worker hangs there until others have its slots, and goes on as if nothing had been."""
    visit = system.random.randint(1, FEW_VISITS.get(point, LATEST_VISIT))
    zombie = system.start_worker(build=Build(at=point, occurrence=visit, do="hang", seconds=BEYOND_POLL))
    system.until(lambda: system.reached(zombie), REACH_SECONDS, f"a hang {point}")
    wakes(system, zombie, system.log_of(zombie).partition(REACHED)[0])
    system.stop(zombie)


def freezes(system: System) -> None:
    """SIGSTOP until others have its slots, SIGCONT; then another goes, and slots come back to it."""
    zombie = system.random.choice(system.workers)
    system.until(lambda: LOADED in system.log_of(zombie), what="a worker with something to lose")
    zombie.send_signal(signal.SIGSTOP)
    before, said = system.offsets(), system.log_of(zombie)
    try:
        system.until(lambda: system.moved_on(before), REACH_SECONDS, "others to take over")
        system.rest(0.0, 1.0)
    finally:
        zombie.send_signal(signal.SIGCONT)
    wakes(system, zombie, said)
    system.replace(system.random.choice([worker for worker in system.workers if worker is not zombie]))


def wakes(system: System, zombie: Worker, said: str) -> None:
    """Wait until it knows what it has lost, which it had not when it ``said`` that."""

    def knows() -> bool:
        new = system.log_of(zombie).removeprefix(said)
        return "partitions lost" in new or "partitions revoked" in new

    system.until(knows, REACH_SECONDS, "a zombie to find out")


def dies_at_random(system: System) -> None:
    """SIGKILL while checkpoints are slow, twice in a row."""
    system.proxy.delay = 0.4
    for _ in range(2):
        system.rest(0.2, 1.5)
        system.replace(system.random.choice(system.workers))
    system.proxy.delay = 0.0


def is_told_to_stop(system: System) -> None:
    """SIGTERM while there is more to count than one batch holds."""
    system.feed.go(BURST * system.setup.rate)
    system.rest(0.3, 1.5)
    system.stop(system.random.choice(system.workers))
    system.feed.go()
    system.start_worker()


def runs_out_of_memory(system: System) -> None:
    """No page more than it has (RLIMIT_AS), in a burst that wants many."""
    starved = system.random.choice(system.workers)
    pages = int(Path(f"/proc/{starved.pid}/statm").read_text().split()[0])
    system.feed.go(BURST * system.setup.rate)
    resource.prlimit(starved.pid, resource.RLIMIT_AS, (pages * PAGE, pages * PAGE))
    system.rest(1.0, OUT_OF_MEMORY_SECONDS)
    system.feed.go()
    system.replace(starved)


DEATHS = tuple(Fault("worker", f"SIGKILL {point}", partial(die, [point])) for point in CHECKPOINT)
HANGING = tuple(Fault("worker", f"hangs past max.poll.interval {point}", partial(hangs, point)) for point in HANGS)
FAULTS = (
    *DEATHS,
    *(Fault("worker", f"SIGKILL {point}", partial(dies_in_revoke, point)) for point in REVOKE),
    *HANGING,
    Fault("worker", "SIGKILL amid slow checkpoints", dies_at_random),
    Fault("worker", "SIGSTOP past max.poll.interval, then SIGCONT", freezes),
    Fault("worker", "SIGTERM in the middle of a batch", is_told_to_stop),
    Fault("worker", "out of memory", runs_out_of_memory),
)

TOGETHER = tuple(
    Fault("worker", f"SIGKILL {' and '.join(points)}", partial(die, points))
    for points in (CHECKPOINT[:4], CHECKPOINT[4:8], CHECKPOINT[8:12], CHECKPOINT[12:])
)
"""The same deaths, some at once: they take a third of the time."""
