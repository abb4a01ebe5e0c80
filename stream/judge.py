"""Whether a well-formed action counts, and whether it adds a minute: decided by the log alone, never by the clock."""

import datetime as dt
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reason, Reject, reject

FUTURE_MS = 86_400_000

Days = TypeVar("Days", int, NDArray[np.int64])


@dataclass(frozen=True, slots=True)
class DayBounds:
    """Days (ordinals) that a slot stands at: see ``store.layout.Header``."""

    newest_day: int
    closed_through: int
    pruned_before: int
    lateness_days: int
    retention_days: int


@dataclass(frozen=True, slots=True)
class Times:
    """When records say that they happened, in log order; all shape (n,).

    ``moments`` and the Kafka records' own ``timestamps`` are ms since the epoch, ``days`` those of the moments.
    """

    moments: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    days: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Masks over the records judged, and the newest day after them."""

    future: NDArray[np.bool_]
    too_old: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    late: NDArray[np.bool_]
    newest_before: NDArray[np.int64]
    newest_day: int

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The records that count."""
        return ~(self.future | self.too_old | self.refused)


def judge(times: Times, bounds: DayBounds, refused: NDArray[np.bool_] | None = None) -> Verdict:
    """Judge records in log order; those of ``refused`` do not count whatever their times.

    The newest day before a record is that of the records counted before it. One that is too old never is the newest, so
    only records from the future and refused ones have to be left out of the running maximum.
    """
    future = in_future(times)
    days = times.days
    passed_over = future if refused is None else future | refused
    newest = running_newest(days, passed_over, bounds)
    before = newest[:-1]
    old = too_old(days, before, bounds) & ~future
    none = np.zeros(len(days), np.bool_)
    late = ((before - days > bounds.lateness_days) & (before > 0)) | (days <= bounds.closed_through)
    return Verdict(future, old, none if refused is None else refused & ~future & ~old, late, before, int(newest[-1]))


def in_future(times: Times) -> NDArray[np.bool_]:
    """Which records say that they happened too long after their own Kafka timestamps."""
    return times.moments - FUTURE_MS > times.timestamps  # a timestamp may be any i64, and adding to it overflow


def running_newest(days: NDArray[np.int64], passed_over: NDArray[np.bool_], bounds: DayBounds) -> NDArray[np.int64]:
    """The newest day before each record and after the last, shape (n + 1,), by those that are not passed over."""
    newest: NDArray[np.int64] = np.maximum.accumulate(
        np.concatenate(([bounds.newest_day], np.where(passed_over, 0, days)))
    )
    return newest


def too_old(days: Days, before: NDArray[np.int64] | int, bounds: DayBounds) -> NDArray[np.bool_] | bool:
    """Whether a day is before retention where the newest one is ``before``, 0 for none; also of many days at once."""
    return ((before - days > bounds.retention_days) & (before > 0)) | (days < bounds.pruned_before)


def refusal(verdict: Verdict, times: Times, at: int, bounds: DayBounds) -> Reject:
    """Why the record at position ``at`` of a verdict does not count, in its producer's words."""
    if verdict.future[at]:
        ahead = (int(times.moments[at]) - int(times.timestamps[at])) / 3_600_000
        detail = (
            f"timestamp is {ahead:.1f} hours after the record's own Kafka timestamp, at most 24 are allowed: "
            "check the producer's clock and unit"
        )
        return reject(Reason.TIMESTAMP_IN_FUTURE, detail)
    day = dt.date.fromordinal(int(times.days[at]))
    newest = dt.date.fromordinal(max(1, int(verdict.newest_before[at])))
    detail = (
        f"timestamp is of {day}, more than retention_days ({bounds.retention_days}) before "
        f"the partition's newest day {newest}: its counters are gone"
    )
    return reject(Reason.BEFORE_RETENTION, detail)
