"""Whether a well-formed action counts, and whether it still adds a minute: decided by the log alone, never by the clock."""

import datetime
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


def judge(
    moments: NDArray[np.int64], timestamps: NDArray[np.int64], days: NDArray[np.int64], bounds: DayBounds
) -> Verdict:
    """Judge records in log order. All arrays have shape (n,); ``moments`` and ``timestamps`` are ms since the epoch.

    The newest day before a record is that of the records counted before it. One that is too old never is the newest, so
    only records from the future have to be left out of the running maximum.
    """
    future = moments > timestamps + FUTURE_MS
    running = np.maximum.accumulate(np.concatenate(([bounds.newest_day], np.where(future, 0, days))))
    before = running[:-1]
    known = before > 0
    too_old = ((before - days > bounds.retention_days) & known) | (days < bounds.pruned_before)
    late = ((before - days > bounds.lateness_days) & known) | (days <= bounds.closed_through)
    return Verdict(future, too_old & ~future, late, before, int(running[-1]))


def refusal(verdict: Verdict, at: int, moment: int, timestamp: int, day: int, bounds: DayBounds) -> Reject:
    """Why the record at position ``at`` of a verdict does not count, in its producer's words."""
    if verdict.future[at]:
        ahead = (moment - timestamp) / 3_600_000
        detail = (
            f"timestamp is {ahead:.1f} hours after the record's own Kafka timestamp, at most 24 are allowed: "
            "check the producer's clock and unit"
        )
        return reject(Reason.TIMESTAMP_IN_FUTURE, detail)
    newest = datetime.date.fromordinal(max(1, int(verdict.newest_before[at])))
    detail = (
        f"timestamp is of {datetime.date.fromordinal(day)}, more than retention_days ({bounds.retention_days}) before the "
        f"partition's newest day {newest}: its counters are gone"
    )
    return reject(Reason.BEFORE_RETENTION, detail)
