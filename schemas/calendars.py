"""Calendar days of a time zone, exact for every moment of the years 1 to 9999.

The offset of a zone is constant by pieces. The pieces of a UTC day are found once, by asking the zone every hour and
halving where two answers differ; rules that change twice within an hour and back do not exist in the tz database.

That pays where a day has many moments. For the first few of a day the zone is asked for each of them, so that moments
spread over thousands of years cost one question each.
"""

import contextlib
import datetime as dt
import zoneinfo
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from schemas.exits import ConfigurationError
from schemas.rejects import printable
from schemas.rfc3339 import DAY_MS, EPOCH_DAY, FIRST_DAY, FIRST_MS, LAST_DAY, LAST_MS

HOUR_MS = 3_600_000
MAX_DAYS_KEPT = 20_000
FEW = 25
"""Moments of a day that are asked one by one before its pieces are found, which takes as many questions."""

MAX_SPAN = 64
_UTC = "UTC"
_MS = dt.timedelta(milliseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOT_IANA = ("posix/", "right/", "posixrules", "localtime")
"""Names that some machines have beside the IANA ones: local copies, and zones that count leap seconds."""

Piece = tuple[int, int]
"""(first moment, offset in ms) of a stretch of constant offset."""


class Calendar:
    """Days of an IANA time zone. Local days outside the years 1 to 9999 count as the first or last day of them."""

    def __init__(self, timezone: str) -> None:
        """Raise ConfigurationError where there is no such zone."""
        self.timezone = timezone
        self._zone = _load_zone(timezone)
        self._pieces: dict[int, list[Piece]] = {}
        self._asked: dict[int, int] = {}

    def days(self, moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the local day of each moment."""
        if self.timezone != _UTC and len(moments):
            moments = moments + self._offsets(moments)
        days = moments // DAY_MS + EPOCH_DAY
        return np.clip(days, FIRST_DAY, LAST_DAY).astype(np.int32)

    def day(self, moment: int) -> int:
        """Return the local day of one moment."""
        offset = 0 if self.timezone == _UTC else self._offset(moment)
        return min(max((moment + offset) // DAY_MS + EPOCH_DAY, FIRST_DAY), LAST_DAY)

    def first_instant(self, day: int) -> int:
        """Return the first moment whose local day is `day` or, where a zone left that day out, a later one."""
        local = (day - EPOCH_DAY) * DAY_MS
        around = local // DAY_MS
        pieces = self._pieces_of(range(around - 2, around + 3))
        for (start, offset), (end, _) in zip(pieces, [*pieces[1:], (local + 3 * DAY_MS, 0)], strict=True):
            instant = max(start, local - offset)
            if instant < end:
                return instant
        raise AssertionError(day)  # offsets are under a day, so one of these five days reaches it

    def _offsets(self, moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        utc_days = moments // DAY_MS
        often: list[int] = []
        rare: list[int] = []
        for utc_day, count in _tally(utc_days):
            (often if self._is_often(utc_day, count) else rare).append(utc_day)
        pieces = np.array(self._pieces_of(often) or [(0, 0)], np.int64)
        if len(pieces) == 1 and not rare:
            return pieces[0, 1:]
        offsets: npt.NDArray[np.int64] = pieces[np.searchsorted(pieces[:, 0], moments, "right") - 1, 1]
        if rare:
            single = np.isin(utc_days, rare)
            offsets[single] = [self._offset(moment) for moment in moments[single].tolist()]
        return offsets

    def _is_often(self, utc_day: int, count: int) -> bool:
        """Whether the pieces of a day are known or worth finding, now that `count` more of its moments came."""
        if utc_day in self._pieces:
            return True
        count += self._asked.pop(utc_day, 0)
        if count <= FEW:
            if len(self._asked) >= MAX_DAYS_KEPT:
                self._asked.clear()
            self._asked[utc_day] = count
        return count > FEW

    def _pieces_of(self, utc_days: Iterable[int]) -> list[Piece]:
        """Pieces that cover the given days since the epoch, which rise, without repeating an offset."""
        pieces: list[Piece] = []
        for utc_day in utc_days:
            for piece in self._day_pieces(utc_day):
                if not pieces or pieces[-1][1] != piece[1]:
                    pieces.append(piece)
        return pieces

    def _day_pieces(self, utc_day: int) -> list[Piece]:
        pieces = self._pieces.get(utc_day)
        if pieces is None:
            if len(self._pieces) >= MAX_DAYS_KEPT:
                self._pieces.clear()
            pieces = self._pieces[utc_day] = self._find_pieces(utc_day * DAY_MS)
        return pieces

    def _find_pieces(self, start: int) -> list[Piece]:
        pieces = [(start, self._offset(start))]
        for hour in range(start + HOUR_MS, start + DAY_MS + HOUR_MS, HOUR_MS):
            offset = self._offset(hour)
            if offset != pieces[-1][1]:
                pieces.append((self._change(hour - HOUR_MS, hour), offset))
        return [piece for piece in pieces if piece[0] < start + DAY_MS]

    def _change(self, before: int, after: int) -> int:
        """Return the first moment with the offset of `after`."""
        earlier = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == earlier:
                before = middle
            else:
                after = middle
        return after

    def _offset(self, moment: int) -> int:
        """Return the offset in ms; within a day of the first and last year, that of the day next to it."""
        moment = min(max(moment, FIRST_MS + DAY_MS), LAST_MS - DAY_MS)
        offset = (_EPOCH + dt.timedelta(milliseconds=moment)).astimezone(self._zone).utcoffset()
        return 0 if offset is None else offset // _MS


def _tally(utc_days: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Return each day there is, rising, and how often it is there."""
    first = int(utc_days.min())
    if int(utc_days.max()) - first < MAX_SPAN:
        counts = np.bincount(utc_days - first)
        found = np.flatnonzero(counts)
        return zip((found + first).tolist(), counts[found].tolist(), strict=True)
    found, counts = np.unique(utc_days, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)


def _load_zone(name: str) -> zoneinfo.ZoneInfo:
    if not name.startswith(_NOT_IANA):
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            return zoneinfo.ZoneInfo(name)
    shown = printable(repr(name), 80)
    raise ConfigurationError(f"there is no time zone {shown}; use an IANA name such as Europe/Berlin")
