"""Which actions do not count because they would add to a table that is full.

The rule, record by record in the order of the log: an action that counts otherwise is refused where counting it would
add to a table that holds as many entries as its limit. It then adds to no table, and does not move the newest day. The
bytes of names are full once there are as many as their limit, so the last names may go over it.

Far from the limits no name is looked up; at a limit all names of a batch are looked up at once. One by one go only the
records of the few batches in which a table becomes full.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stream.action_tables import ActionTables
from stream.decode import ActionColumns
from stream.judge import DayBounds, Times, in_future, running_newest, too_old
from stream.known import Key, Known
from stream.limits import MOST_ADDED, Table
from stream.slot import SlotRules

Fresh = Mapping[Table, NDArray[np.bool_]]
_NONE = -1


def full_tables(
    columns: ActionColumns, times: Times, bounds: DayBounds, tables: ActionTables, rules: SlotRules
) -> NDArray[np.int64] | None:
    """By record, the first full ``Table`` that refuses it, -1 for none; None where no table can become full.

    For records that their times refuse anyway it says anything.
    """
    room = rules.limits.by_table() - tables.sizes()
    short = _short(columns, tables, room)
    if not short:
        return None
    known = Known(columns, tables, of_users=rules.user_scores)
    fresh = {table: known.fresh(table) for table in short}
    found = np.full(len(times.days), _NONE)
    for table in reversed(short):
        if room[table] <= 0:
            found[fresh[table]] = table
    passed_over = in_future(times) | too_old(times.days, bounds.newest_day, bounds) | (found != _NONE)
    adding = np.logical_or.reduce([*fresh.values()]) & ~passed_over
    if any(MOST_ADDED[table] * np.count_nonzero(fresh[table] & adding) > max(0, room[table]) for table in short):
        newest = running_newest(times.days, passed_over | adding, bounds)
        at = np.flatnonzero(adding)
        found[at] = _one_by_one(at, times.days, newest, bounds, _Filling(known, fresh, room))
    return found


def _short(columns: ActionColumns, tables: ActionTables, room: NDArray[np.int64]) -> list[Table]:
    """The tables that a batch of this size may have too little room in."""
    short = room < MOST_ADDED * len(columns.index)
    if not short.any():
        return []
    few = ((Table.ACTIONS, columns.actions, tables.actions), (Table.PROFILES, columns.profiles, tables.profiles))
    for table, names, vocabulary in few:
        if short[table]:
            short[table] = len(set(names).difference(vocabulary, (None,))) > max(0, room[table])
    if short[Table.NAME_BYTES]:
        short[[Table.ACCOUNTS, Table.USERS]] = True
    return [table for table in Table if short[table]]


def _one_by_one(
    adding: NDArray[np.int64],
    days: NDArray[np.int64],
    newest_of_others: NDArray[np.int64],
    bounds: DayBounds,
    tables: "_Filling",
) -> list[int]:
    """The table that refuses each of the records ``adding``, -1 for none."""
    found, newest = [], bounds.newest_day
    for at, day, newest_other in zip(
        adding.tolist(), days[adding].tolist(), newest_of_others[adding].tolist(), strict=True
    ):
        if too_old(day, max(newest, newest_other), bounds):
            found.append(_NONE)
            continue
        refusing = tables.add(at)
        found.append(_NONE if refusing is None else int(refusing))
        if refusing is None:
            newest = max(newest, day)
    return found


class _Filling:
    """Tables as they become full: what is in them is ``Known``, or was added since, or is fresh."""

    def __init__(self, known: Known, fresh: Fresh, room: NDArray[np.int64]) -> None:
        self._known = known
        self._fresh = {table: mask.tolist() for table, mask in fresh.items() if table is not Table.NAME_BYTES}
        self._room = {table: int(room[table]) for table in fresh}
        self._added: dict[Table, set[Key]] = {table: set() for table in self._fresh}

    def add(self, at: int) -> Table | None:
        """Add what the record at ``at`` names, or nothing where a table is full: then that table."""
        keys = self._known.keys(at)
        entries = [
            (table, keys[table])
            for table, fresh in self._fresh.items()
            if fresh[at] and keys[table] not in self._added[table]
        ]
        costs: dict[Table, int] = dict.fromkeys((table for table, _ in entries), 1)
        if Table.NAME_BYTES in self._room:
            names = [key[-1] or "" for table, key in entries if table in (Table.ACCOUNTS, Table.USERS)]
            if names:
                costs[Table.NAME_BYTES] = sum(len(name.encode()) for name in names)
        full = next((table for table in costs if self._room[table] <= 0), None)
        if full is None:
            for table, cost in costs.items():
                self._room[table] -= cost
            for table, key in entries:
                self._added[table].add(key)
        return full
