"""Moments and days, all in one place to import from.

A moment is an int, milliseconds since 1970-01-01T00:00:00Z; a day is an int, `datetime.date.toordinal()`.
"""

from schemas.calendars import Calendar
from schemas.rfc3339 import DAY_MS, EPOCH_DAY, FIRST_DAY, LAST_DAY, iso_day, parse_day_or_moment, parse_moment
from schemas.rfc3339_columns import parse_moments

__all__ = [
    "DAY_MS",
    "EPOCH_DAY",
    "FIRST_DAY",
    "LAST_DAY",
    "Calendar",
    "iso_day",
    "parse_day_or_moment",
    "parse_moment",
    "parse_moments",
]
