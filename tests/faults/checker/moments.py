"""RFC 3339 moments as milliseconds since 1970, and the days that they belong to."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from functools import lru_cache

DAY_MS = 86_400_000
MINUTE_MS = 60_000
EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
FIRST_MS = (dt.date.min.toordinal() - EPOCH_DAY) * DAY_MS
END_MS = (dt.date.max.toordinal() + 1 - EPOCH_DAY) * DAY_MS
LONGEST_KEPT = 40
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"[Tt]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_YEARS = 400
"""The calendar repeats itself after so many years."""


class NoMoment(Exception):  # noqa: N818  a decision, not a failure
    """A text that names no moment, or no day."""


@lru_cache(maxsize=100_000)
def _start_of(date: str) -> int:
    """The UTC start of a date, of the year 0 too: it may become the year 1 by its offset."""
    match = _DATE.fullmatch(date)
    if match is None:
        raise NoMoment
    year, month, day = map(int, match.groups())
    try:
        if year == 0:
            days = dt.date(_YEARS, month, day).toordinal() - (dt.date(_YEARS + 1, 1, 1) - dt.date(1, 1, 1)).days
        else:
            days = dt.date(year, month, day).toordinal()
    except ValueError:
        raise NoMoment from None
    return (days - EPOCH_DAY) * DAY_MS


def _since_start(rest: str) -> int:
    """What the time of day and the offset add to the start of the date."""
    match = _TIME.fullmatch(rest)
    if match is None:
        raise NoMoment
    hours, minutes, seconds, fraction, sign, ahead_hours, ahead_minutes = match.groups()
    found = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(((fraction or "") + "000")[:3])
    if sign:
        ahead = (int(ahead_hours) * 60 + int(ahead_minutes)) * MINUTE_MS
        found += -ahead if sign == "+" else ahead
    return found


_kept_since_start = lru_cache(maxsize=200_000)(_since_start)


def moment(text: str) -> int:
    """Milliseconds since 1970. Raises ``NoMoment``."""
    rest = text[10:]
    found = _start_of(text[:10]) + (_kept_since_start if len(rest) < LONGEST_KEPT else _since_start)(rest)
    if FIRST_MS <= found < END_MS:
        return found
    raise NoMoment


def days_of(timezone: str) -> Callable[[int], int]:
    """The function from a moment to its local day, as an ordinal; days outside the years 1 to 9999 are the nearest."""
    if timezone == "UTC":
        return lambda at: at // DAY_MS + EPOCH_DAY
    zone = zoneinfo.ZoneInfo(timezone)

    @lru_cache(maxsize=200_000)
    def local_day(second: int) -> int:
        at = _EPOCH + dt.timedelta(seconds=second)
        try:
            return at.astimezone(zone).toordinal()
        except OverflowError:
            return at.toordinal()

    return lambda at: local_day(at // 1000)


def day(text: str, day_of: Callable[[int], int]) -> int:
    """The day of a plain date or of a moment. Raises ``NoMoment``."""
    if _DATE.fullmatch(text) is None:
        return day_of(moment(text))
    found = _start_of(text) // DAY_MS + EPOCH_DAY
    if found < 1:
        raise NoMoment
    return found
