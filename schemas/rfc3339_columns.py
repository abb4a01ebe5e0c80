"""Many RFC 3339 texts to moments at once, by arithmetic over the columns of their bytes.

It takes the usual forms with up to nine digits of fraction; whatever it does not take goes to `parse_moment`, which
alone decides what is wrong.
"""

import numpy as np
import numpy.typing as npt

from schemas.rfc3339 import DAY_MS, FIRST_MS, HOURS, LAST_MS, MONTH_STARTS, MONTHS, SIXTY, parse_moment

_MONTH_LENGTHS = np.diff(MONTH_STARTS).astype(np.uint8)
TEN = 10
_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_SECONDS_END = 19
_SHORTEST, _LONGEST = 20, 35
_ZULU_TAIL, _OFFSET_TAIL = 1, 6

Moments = npt.NDArray[np.int64]
Accepted = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


def parse_moments(texts: list[str]) -> tuple[Moments, Accepted]:
    """Return the moment of each text, and whether it is one; where it is not, the moment is 0."""
    moments = np.zeros(len(texts), np.int64)
    accepted = np.zeros(len(texts), np.bool_)
    lengths = set(map(len, texts))
    if len(lengths) == 1:
        _parse_same_length(texts, np.arange(len(texts)), moments, accepted)
    elif lengths:
        column = np.fromiter(map(len, texts), np.int64, len(texts))
        for length in lengths:
            where = np.flatnonzero(column == length)
            _parse_same_length([texts[i] for i in where], where, moments, accepted)
    for i in np.flatnonzero(~accepted).tolist():
        try:
            moments[i] = parse_moment(texts[i])
        except ValueError:
            continue
        accepted[i] = True
    return moments, accepted


def _parse_same_length(texts: list[str], where: npt.NDArray[np.intp], moments: Moments, accepted: Accepted) -> None:
    """Parse texts that all have the same length into `moments` and `accepted` at `where`."""
    joined = "".join(texts)
    if not _SHORTEST <= len(texts[0]) <= _LONGEST or not joined.isascii():
        return
    rows = np.frombuffer(joined.encode(), np.uint8).reshape(len(texts), -1)
    zulu = (rows[:, -1] | 0x20) == ord("z")
    for tail, chosen in ((_ZULU_TAIL, zulu), (_OFFSET_TAIL, ~zulu)):
        if chosen.all():
            moments[where], accepted[where] = _parse_form(np.ascontiguousarray(rows.T), tail)
        elif chosen.any():
            moments[where[chosen]], accepted[where[chosen]] = _parse_form(np.ascontiguousarray(rows[chosen].T), tail)


def _parse_form(columns: Bytes, tail: int) -> tuple[Moments, Accepted]:
    """Return the moments of texts, given as one row per character position; the last `tail` rows are Z or an offset."""
    width = len(columns)
    fraction = range(_SECONDS_END + 1, width - tail)
    digits = columns - np.uint8(ord("0"))
    wanted = [*_DIGITS, *fraction, *((width - 5, width - 4, width - 2, width - 1) if tail == _OFFSET_TAIL else ())]
    fits = (digits[wanted] < TEN).all(axis=0) & _separators_fit(columns, tail)
    month, day, hour, minute, second = (_two(digits, i) for i in (5, 8, 11, 14, 17))
    fits &= month - np.uint8(1) < MONTHS
    month_index = (_two(digits, 0).astype(np.int32) * 100 + _two(digits, 2)) * 12 + month - 1
    month_index[~fits] = 0
    fits &= day - np.uint8(1) < _MONTH_LENGTHS[month_index]
    fits &= (hour < HOURS) & (minute < SIXTY) & (second < SIXTY)
    seconds = (hour.astype(np.int32) * 60 + minute) * 60 + second
    moments = (MONTH_STARTS[month_index].astype(np.int64) + day - 1) * DAY_MS + seconds * np.int64(1000)
    for place, i in zip((100, 10, 1), fraction, strict=False):
        moments += digits[i] * np.int16(place)
    if tail == _OFFSET_TAIL:
        moments -= _offsets(columns, digits, fits)
    fits &= (moments >= FIRST_MS) & (moments <= LAST_MS)
    moments[~fits] = 0
    return moments, fits


def _separators_fit(columns: Bytes, tail: int) -> Accepted:
    fits: Accepted = (columns[4] == ord("-")) & (columns[7] == ord("-")) & ((columns[10] | 0x20) == ord("t"))
    fits &= (columns[13] == ord(":")) & (columns[16] == ord(":"))
    if len(columns) > _SECONDS_END + tail:
        fits &= (columns[_SECONDS_END] == ord(".")) & (len(columns) > _SECONDS_END + tail + 1)
    return fits


def _offsets(columns: Bytes, digits: Bytes, fits: Accepted) -> npt.NDArray[np.int64]:
    """Return the offsets in ms; clears `fits` where there is no valid one."""
    sign, colon = columns[-_OFFSET_TAIL], columns[-3]
    hours, minutes = _two(digits, -5), _two(digits, -2)
    fits &= ((sign == ord("+")) | (sign == ord("-"))) & (colon == ord(":")) & (hours < HOURS) & (minutes < SIXTY)
    offsets = (hours.astype(np.int64) * 60 + minutes) * 60_000
    offsets[sign == ord("-")] *= -1
    return offsets


def _two(digits: Bytes, i: int) -> Bytes:
    """Return the two-digit number at rows i and i + 1; wraps where they are no digits."""
    number: Bytes = digits[i] * np.uint8(TEN) + digits[i + 1]
    return number
