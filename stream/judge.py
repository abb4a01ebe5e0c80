"""Whether a well-formed action counts, and whether it adds a minute: decided by the log alone, never by the clock."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reason, Reject, reject

FUTURE_MS = 86_400_000


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
    late: NDArray[np.bool_]
    newest_before: NDArray[np.int64]
    newest_day: int

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The records that count."""
        return ~(self.future | self.too_old)


def judge(times: Times, bounds: DayBounds) -> Verdict:
    """Judge records in log order.

    The newest day before a record is that of the records counted before it. One that is too old never is the newest, so
    only records from the future have to be left out of the running maximum.
    """
    future = times.moments - FUTURE_MS > times.timestamps  # a timestamp may be any i64, and adding to it overflow
    days = times.days
    running = np.maximum.accumulate(np.concatenate(([bounds.newest_day], np.where(future, 0, days))))
    before = running[:-1]
    known = before > 0
    too_old = ((before - days > bounds.retention_days) & known) | (days < bounds.pruned_before)
    late = ((before - days > bounds.lateness_days) & known) | (days <= bounds.closed_through)
    return Verdict(future, too_old & ~future, late, before, int(running[-1]))


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
