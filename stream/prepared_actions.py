"""A batch of the actions topic before it is counted: decoded, judged, and cut down to the actions that count."""

from dataclasses import dataclass
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reject
from stream.batch import Batch
from stream.decode import ActionColumns, decode_actions
from stream.judge import DayBounds, Times, Verdict, judge, refusal
from stream.slot import Prepared, SlotRules

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PreparedActions(Prepared):
    """Columns of the actions that count, shape (n,) each, beside the rejects."""

    batch: Batch
    rejects: list[tuple[int, Reject]]
    at: NDArray[np.int64]
    """Positions in the batch."""
    accounts: list[str]
    actions: list[str]
    users: list[str | None]
    profiles: list[str | None]
    minutes: NDArray[np.int64]
    days: NDArray[np.int64]
    late: NDArray[np.bool_]
    newest_day: int


def prepare_actions(batch: Batch, rules: SlotRules, bounds: DayBounds) -> PreparedActions:
    """Decode and judge the records of ``batch`` for a slot that stands at ``bounds``."""
    columns = decode_actions(batch.values, rules.max_record_bytes)
    days = rules.calendar.days(columns.moments).astype(np.int64)
    times = Times(columns.moments, batch.timestamps[columns.index], days)
    verdict = judge(times, bounds)
    counted = verdict.counted
    return PreparedActions(
        batch=batch,
        rejects=_rejects(columns, times, verdict, bounds),
        at=columns.index[counted],
        accounts=kept(columns.accounts, counted),
        actions=kept(columns.actions, counted),
        users=kept(columns.users, counted),
        profiles=kept(columns.profiles, counted),
        minutes=columns.moments[counted] // 60_000,
        days=days[counted],
        late=verdict.late[counted],
        newest_day=verdict.newest_day,
    )


def _rejects(columns: ActionColumns, times: Times, verdict: Verdict, bounds: DayBounds) -> list[tuple[int, Reject]]:
    refused = np.flatnonzero(~verdict.counted).tolist()
    judged = [(int(columns.index[at]), refusal(verdict, times, at, bounds)) for at in refused]
    return sorted([*columns.rejects, *judged], key=lambda found: found[0])


def kept(column: list[Item], mask: NDArray[np.bool_]) -> list[Item]:
    """The items of a column where ``mask`` says so."""
    return column if mask.all() else list(compress(column, mask))


def given(column: list[str | None]) -> NDArray[np.bool_]:
    """Where a column has a name, shape (n,)."""
    absent = column.count(None)
    if absent in (0, len(column)):
        return np.full(len(column), not absent)
    return np.fromiter((name is not None for name in column), np.bool_, len(column))


def distinct(days: NDArray[np.int64]) -> list[int]:
    """The days that occur in a column of at least one."""
    first = int(days[0])
    return [first] if (days == first).all() else [int(day) for day in np.unique(days)]
