"""Saying on a terminal what a command waits for, so that nobody takes it for hung."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOMENT_SECONDS = 1.0
"""What takes no longer needs no word."""


@contextmanager
def said_if_slow(what: str, seconds: float = MOMENT_SECONDS) -> Iterator[None]:
    """Say `what` on stderr, once, if the block takes longer than so many seconds and somebody looks.

    A script gets the one line of the error only. A thread speaks, as the block may hang in one call.
    """
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(seconds, sys.stderr.write, (f"{what}\n",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # else it might still write beside what comes next
