"""A batch of the actions topic before it is counted: decoded, judged, and cut down to the actions that count."""

from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reject
from stream.action_tables import ActionTables
from stream.batch import Batch
from stream.decode import ActionColumns, decode_actions
from stream.full_tables import full_tables
from stream.judge import DayBounds, Times, Verdict, judge, refusal
from stream.limits import Limits, Table, full_table
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


def prepare_actions(batch: Batch, rules: SlotRules, bounds: DayBounds, tables: ActionTables) -> PreparedActions:
    """Decode and judge the records of ``batch`` for a slot that stands at ``bounds`` and knows ``tables``."""
    columns = decode_actions(batch.values, rules.max_record_bytes)
    days = rules.calendar.days(columns.moments).astype(np.int64)
    times = Times(columns.moments, batch.timestamps[columns.index], days)
    full = full_tables(columns, times, bounds, tables, rules)
    verdict = judge(times, bounds, None if full is None else full >= 0)
    counted = verdict.counted
    return PreparedActions(
        batch=batch,
        rejects=sorted(
            [
                *columns.rejects,
                *_by_time(columns, times, verdict, bounds),
                *([] if full is None else _by_limit(columns, verdict, full, rules.limits)),
            ],
            key=itemgetter(0),
        ),
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


def _by_time(columns: ActionColumns, times: Times, verdict: Verdict, bounds: DayBounds) -> list[tuple[int, Reject]]:
    refused = np.flatnonzero(verdict.future | verdict.too_old)
    at = columns.index[refused].tolist()
    return [(place, refusal(verdict, times, one, bounds)) for place, one in zip(at, refused.tolist(), strict=True)]


def _by_limit(
    columns: ActionColumns, verdict: Verdict, full: NDArray[np.int64], limits: Limits
) -> list[tuple[int, Reject]]:
    why = {table: full_table(table, limits) for table in Table}
    at, tables = columns.index[verdict.refused].tolist(), full[verdict.refused].tolist()
    return [(place, why[table]) for place, table in zip(at, tables, strict=True)]


def kept(column: list[Item], mask: NDArray[np.bool_]) -> list[Item]:
    """The items of a column where ``mask`` says so."""
    return column if mask.all() else list(compress(column, mask))


def distinct(days: NDArray[np.int64]) -> list[int]:
    """The days that occur in a column of at least one."""
    first = int(days[0])
    return [first] if (days == first).all() else [int(day) for day in np.unique(days)]
