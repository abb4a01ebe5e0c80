"""How long the phases of a run took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Phase(StrEnum):
    """The phases in the order in which a run goes through them."""

    CONNECT = "connect"
    WAIT = "wait"
    READ = "read"
    SCORE = "score"
    PUBLISH = "publish"


class Phases:
    """Adds up the time of each; a phase that was never reached took none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.seconds: dict[Phase, float] = dict.fromkeys(Phase, 0.0)

    @contextmanager
    def timed(self, phase: Phase) -> Iterator[None]:
        """Count the time of the block, whatever comes of it."""
        started = self._clock()
        try:
            yield
        finally:
            self.seconds[phase] += self._clock() - started
