"""What the checker is told, and what it tells."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """The settings that decide what a slot must hold."""

    timezone: str = "UTC"
    lateness_days: int = 3
    retention_days: int = 400
    user_scores: bool = False
    max_record_bytes: int = 1_048_576


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold; ``slot`` is "<topic>/<partition>", or what else it does not hold for."""

    invariant: str
    slot: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.slot}: {self.text}"


@dataclass(frozen=True)
class Report:
    """All since the checker was made. ``cells`` are comparisons of a figure, ``checks`` how often an invariant was
    really looked at.
    """

    events: int
    cells: int
    checks: Mapping[str, int]
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class Standing:
    """Where a slot stands: the offset stored in Redis, None without a slot, and the log's last stable offset."""

    next_offset: int | None
    log_end: int
    counted: int = 0
    rejected: int = 0
    late: int = 0

    @property
    def lag(self) -> int | None:
        """What is left to count (I10)."""
        return None if self.next_offset is None else self.log_end - self.next_offset
