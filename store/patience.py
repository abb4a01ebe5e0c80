"""Asking again what Kafka or Redis cannot answer right now, such as for a partition that has no leader."""

import time
from collections.abc import Callable
from typing import TypeVar

from schemas.exits import Unavailable

SECONDS = 30.0
PAUSE_SECONDS = 0.1

Answer = TypeVar("Answer")


def ask_patiently(
    ask: Callable[[], Answer],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Return what `ask` returns once it does not raise Unavailable. Raises its last Unavailable after `seconds`."""
    deadline = clock() + seconds
    while True:
        try:
            return ask()
        except Unavailable:
            if clock() >= deadline:
                raise
            sleep(PAUSE_SECONDS)
