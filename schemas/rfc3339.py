"""RFC 3339 text to milliseconds since the epoch, one by one. Many at once: see rfc3339_columns.

A moment is an int, milliseconds since 1970-01-01T00:00:00Z; what is finer is cut. A day is `datetime.date.toordinal()`.
"""

import datetime as dt
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from schemas.calendars import Calendar

DAY_MS = 86_400_000
EPOCH_DAY = 719_163
"""The ordinal of 1970-01-01."""

HOURS, SIXTY, MONTHS = 24, 60, 12

FIRST_DAY, LAST_DAY = 1, 3_652_059
"""The ordinals of 0001-01-01 and 9999-12-31."""

FIRST_MS = (FIRST_DAY - EPOCH_DAY) * DAY_MS
LAST_MS = (LAST_DAY + 1 - EPOCH_DAY) * DAY_MS - 1

MONTH_STARTS = np.arange(-1970 * 12, (10_000 - 1970) * 12 + 1).astype("M8[M]").astype("M8[D]").astype(np.int32)
"""Days from 1970-01-01 to the first of each month of the years 0 to 9999, at year * 12 + month - 1, and one more."""

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)


def parse_moment(text: str) -> int:
    """Return the moment that `text` names by RFC 3339, exactly: an offset, no blank, no 24:00, no :60.

    Raises ValueError that says what is wrong.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("is not an RFC 3339 moment with offset")
    hour, minute, second = (_below(match[i], end, "a time of day") for i, end in ((4, HOURS), (5, SIXTY), (6, SIXTY)))
    moment = _days_since_epoch(match[1], match[2], match[3]) * DAY_MS
    moment += ((hour * 60 + minute) * 60 + second) * 1000 + int(((match[7] or "") + "000")[:3])
    if match[8]:
        offset = (_below(match[9], HOURS, "an offset") * 60 + _below(match[10], SIXTY, "an offset")) * 60_000
        moment -= offset if match[8] == "+" else -offset
    if not FIRST_MS <= moment <= LAST_MS:
        raise ValueError("is outside the years 1 to 9999 in UTC")
    return moment


def parse_day_or_moment(text: str, calendar: "Calendar") -> int:
    """Return the day of `text`: a plain date is that day itself, a moment the day of `calendar` that it falls in.

    Raises ValueError that says what is wrong.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return calendar.day(parse_moment(text))
    day = _days_since_epoch(match[1], match[2], match[3]) + EPOCH_DAY
    if day < FIRST_DAY:
        raise ValueError("is outside the years 1 to 9999")
    return day


def iso_day(day: int) -> str:
    """Return a day as YYYY-MM-DD."""
    return dt.date.fromordinal(day).isoformat()


def _below(digits: str, end: int, what: str) -> int:
    value = int(digits)
    if value >= end:
        raise ValueError(f"names {what} that does not exist")
    return value


def _days_since_epoch(year: str, month: str, day: str) -> int:
    if not "01" <= month <= "12":
        raise ValueError("names a month that does not exist")
    index = int(year) * 12 + int(month) - 1
    start, following = MONTH_STARTS[index : index + 2].tolist()
    if not 1 <= int(day) <= following - start:
        raise ValueError("names a day that its month does not have")
    return int(start) + int(day) - 1
