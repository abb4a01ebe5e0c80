"""Several workers on one machine: one process each, that start, stop and die together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import structlog

from schemas.exits import Exit

LOOK_SECONDS = 0.2
# Longer than a worker takes to stop by itself; one that is still there then hangs and is killed.
STOP_SECONDS = 60.0
STOPPED = (Exit.DONE, -signal.SIGTERM, -signal.SIGINT)

log = structlog.get_logger()


def supervise(command: Sequence[str], workers: int, stop: threading.Event) -> Exit:
    """Run `command` `workers` times until `stop` is set or one of them ends; then end all.

    DONE where all stopped because they were asked to, else FAILED.

    The command's stdin is a pipe that only this process holds open: its end tells the children that this process is
    gone, however it went, so none is left behind. (A death signal would do the same, but on Linux alone.)
    """
    held, given = os.pipe()
    children = [subprocess.Popen(command, stdin=held) for _ in range(workers)]  # noqa: S603  our own command line
    os.close(held)
    try:
        while not stop.wait(LOOK_SECONDS):
            ended = [child for child in children if child.poll() is not None]
            if ended:
                log.error("worker_ended", pid=ended[0].pid, exit=ended[0].returncode, then="stopping the others")
                break
    finally:
        codes = _stop(children)
        os.close(given)
    return Exit.DONE if stop.is_set() and all(code in STOPPED for code in codes) else Exit.FAILED


def stop_at_stdin_end(stop: threading.Event) -> None:
    """Set `stop` when stdin ends: what a child of `supervise` does to go when its parent is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        stop.set()

    threading.Thread(target=watch, name="stdin-end", daemon=True).start()


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """Ask all to stop, kill those that do not within STOP_SECONDS, and return their exit codes."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("worker_killed", pid=child.pid, waited_seconds=STOP_SECONDS)  # noqa: TRY400  there is no more to say
            child.kill()
            child.wait()
    return [child.returncode for child in children]
