"""Days as text and as ordinals, and the window of a run."""

from datetime import date
from typing import NamedTuple

from schemas.exits import UsageError

WINDOW_DAYS = 14
"""The longest time that a score looks back over; `days considered` is at most this."""


COUNT_DAYS = WINDOW_DAYS + 1
"""Days of counters that a run reads: its own window, and that of the day before."""

USAGE_DAYS = 90
"""The longest window of time spent and active users."""


class Window(NamedTuple):
    """The days that end with `last`, as `date.toordinal()`."""

    last: int
    length: int = WINDOW_DAYS

    @property
    def first(self) -> int:
        """The earliest day."""
        return self.last - self.length + 1

    @property
    def days(self) -> range:
        """All days, earliest first."""
        return range(self.first, self.last + 1)

    @property
    def backwards(self) -> range:
        """All days, latest first."""
        return range(self.last, self.first - 1, -1)


def iso(day: int) -> str:
    """The day as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()


def parse_day(text: str) -> int:
    """The ordinal of a day given as YYYY-MM-DD. Raises UsageError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError(f"--as-of {text!r} is no day; give one like 2025-06-30")
    if not USAGE_DAYS < day.toordinal() < date.max.toordinal():
        raise UsageError(f"--as-of {text!r} is out of range; give a day of the years 2 to 9998")
    return day.toordinal()
