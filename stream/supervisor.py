"""Several workers on one machine: one process each, that start, stop and die together."""

import signal
import subprocess
import threading
import time
from collections.abc import Sequence

import structlog

from schemas.exits import Exit
from stream.worker_reports import Link

LOOK_SECONDS = 0.2
# Longer than a worker takes to stop by itself; one that is still there then hangs and is killed.
STOP_SECONDS = 60.0
STOPPED = (Exit.DONE, -signal.SIGTERM, -signal.SIGINT)

log = structlog.get_logger()


def supervise(command: Sequence[str], stop: threading.Event, links: Sequence[Link]) -> Exit:
    """Run `command` for each of `links` until `stop` is set or one of them ends; then end all.

    DONE where all stopped because they were asked to, else FAILED.

    A child's stdin is a socket of which only this process holds the other end: that it ends tells the child that this
    process is gone, however it went, so none is left behind. (A death signal would do the same, but on Linux alone.)
    """
    children = [_start(command, link) for link in links]
    try:
        while not stop.wait(LOOK_SECONDS):
            ended = [child for child in children if child.poll() is not None]
            if ended:
                log.error("worker_ended", pid=ended[0].pid, exit=ended[0].returncode, then="stopping the others")
                break
    finally:
        codes = _stop(children)
        for link in links:
            link.close()
    return Exit.DONE if stop.is_set() and all(code in STOPPED for code in codes) else Exit.FAILED


def _start(command: Sequence[str], link: Link) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(command, stdin=link.workers_end.fileno())  # noqa: S603  our own command line
    link.started()
    return child


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
