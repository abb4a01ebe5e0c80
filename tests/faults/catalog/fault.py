"""What a fault is, to the catalog and to those who run it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.system import System

RECOVERY_SECONDS = 90.0


@dataclass(frozen=True)
class Fault:
    """One way to break a running system. ``run`` returns once the system can recover by itself."""

    kind: str
    name: str
    """Reads as what happens: "SIGKILL between the answer and its confirmation"."""
    run: Callable[[System], None]
    lasting: bool = True
    """Whether the system can go on afterwards, to be hit by the next fault."""
    needs_own_kafka: bool = False
    recovery_seconds: float = RECOVERY_SECONDS
    """How long the lag of every partition may take to drain."""
    quiet: bool = False
    """Whether it wants a short log that stands still at times, so that whole runs can be computed plainly."""
