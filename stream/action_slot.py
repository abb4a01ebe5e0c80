"""A partition of the actions topic in memory: tables, open days, and the fold of a batch into them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reject
from store import layout, tables
from store.layout import Header
from store.redo import Write
from stream.batch import Batch
from stream.cells import Cells, DenseIds, GrowingLog, collect_writes, ids_of
from stream.day import DayVectors, add_one
from stream.decode import decode_actions
from stream.dense_ids import NameIds, PairIds
from stream.judge import DayBounds, judge, refusal
from stream.minutes import MinuteLogs, minutes_by_account
from stream.slot import MOST_WRITES, Prepared, Slot, SlotRules
from stream.profiles import Profiles

_NAMES = (layout.ACCOUNTS, layout.ACTIONS, layout.PROFILES, layout.USERS)
_GROWING = (*_NAMES, *map(layout.name_lengths, _NAMES), layout.USER_ACCOUNTS, layout.SERIES, layout.USER_SERIES)
LOADED_AT_START = (*_GROWING, layout.FIRST_DAY, layout.PROFILE)
SPARE_DAYS = 16
"""Days out of order that may stay in memory between checkpoints."""

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


class ActionSlot(Slot[PreparedActions]):
    """See ``Slot``. ``strings`` holds those of ``LOADED_AT_START``."""

    def __init__(self, header: Header, rules: SlotRules, strings: Mapping[str, bytes | bytearray]) -> None:
        super().__init__(header)
        self._rules = rules
        self._accounts = NameIds(*tables.raw_names(layout.ACCOUNTS, strings))
        self._actions = _vocabulary(layout.ACTIONS, strings)
        owners = np.frombuffer(strings[layout.USER_ACCOUNTS], "<u4").astype(np.int64)
        self._users = NameIds(*tables.raw_names(layout.USERS, strings), owners)
        self._profile_names = _vocabulary(layout.PROFILES, strings)
        self._profiles = Profiles(self._profile_names, strings[layout.PROFILE])
        self._series = PairIds(tables.packed_pairs(strings[layout.SERIES]))
        self._user_series = PairIds(tables.packed_pairs(strings[layout.USER_SERIES]))
        self._first_day = Cells(layout.FIRST_DAY, "<u4", strings[layout.FIRST_DAY])
        self._days: dict[int, DayVectors] = {}
        self._minutes = MinuteLogs(header.lengths)
        self._closed: dict[int, Cells] = {}
        self._growing = {name: GrowingLog(name, header.lengths.get(name, 0)) for name in _GROWING}

    def _bounds(self) -> DayBounds:
        header, rules = self.header, self._rules
        return DayBounds(
            header.newest_day, header.closed_through, header.pruned_before, rules.lateness_days, rules.retention_days
        )

    def prepare(self, batch: Batch) -> PreparedActions:
        """Decode and judge; see ``Slot.prepare``."""
        columns = decode_actions(batch.values, self._rules.max_record_bytes)
        days = self._rules.calendar.days(columns.moments).astype(np.int64)
        timestamps = batch.timestamps[columns.index]
        bounds = self._bounds()
        verdict = judge(columns.moments, timestamps, days, bounds)
        counted = verdict.counted
        rejects = list(columns.rejects)
        if not counted.all():
            for at in np.flatnonzero(~counted).tolist():
                why = refusal(verdict, at, int(columns.moments[at]), int(timestamps[at]), int(days[at]), bounds)
                rejects.append((int(columns.index[at]), why))
            rejects.sort(key=lambda found: found[0])
        return PreparedActions(
            batch=batch,
            rejects=rejects,
            at=columns.index[counted],
            accounts=_kept(columns.accounts, counted),
            actions=_kept(columns.actions, counted),
            users=_kept(columns.users, counted),
            profiles=_kept(columns.profiles, counted),
            minutes=columns.moments[counted] // 60_000,
            days=days[counted],
            late=verdict.late[counted],
            newest_day=verdict.newest_day,
        )

    def missing(self, prepared: PreparedActions) -> Collection[str]:
        """Stored vectors of days that are not in memory."""
        absent = [int(day) for day in np.unique(prepared.days) if int(day) not in self._days]
        return [name for day in absent for name in DayVectors.strings(day) if name in self.lengths]

    def supply(self, strings: Mapping[str, bytes | bytearray]) -> None:
        """Take in the day vectors that ``missing`` named."""
        for day in {layout.day_of(name) for name in strings}:
            if day is not None:
                self._days[day] = DayVectors(day, strings)

    def apply(self, prepared: PreparedActions) -> None:
        """Count a prepared batch; see ``Slot.apply``."""
        if len(prepared.days):
            self._fold(prepared)
        self._advance(
            prepared.batch,
            counted=len(prepared.days),
            rejected=len(prepared.rejects),
            late=int(np.count_nonzero(prepared.late)),
            newest_day=prepared.newest_day,
        )

    def _fold(self, prepared: PreparedActions) -> None:
        accounts = self._accounts.ids(prepared.accounts)
        actions = ids_of(self._actions, prepared.actions)
        series = self._series.ids(accounts, actions)
        self._note_first_days(accounts, prepared.days)
        for day in _distinct(prepared.days):
            if day not in self._days:
                self._days[day] = DayVectors(day, {})
            add_one(self._days[day].count, series[prepared.days == day])
        named = _given(prepared.users)
        if named.any():
            users = self._users.ids([user for user in prepared.users if user is not None], accounts[named])
            self._fold_users(prepared, users, actions[named], named)

    def _fold_users(
        self,
        prepared: PreparedActions,
        users: NDArray[np.int64],
        actions: NDArray[np.int64],
        named: NDArray[np.bool_],
    ) -> None:
        days, minutes, timely = prepared.days[named], prepared.minutes[named], ~prepared.late[named]
        user_series = self._user_series.ids(users, actions) if self._rules.user_scores else None
        for day in _distinct(days):
            today = days == day
            self._days[day].active.set(users[today])
            self._minutes.note(day, users[today & timely], minutes[today & timely])
            if user_series is not None:
                add_one(self._days[day].user_count, user_series[today])
        profiles = _kept(prepared.profiles, named)
        told = _given(profiles)
        if told.any():
            at = prepared.at[named][told]
            batch = prepared.batch
            names = [profile for profile in profiles if profile is not None]
            self._profiles.note(users[told], names, batch.timestamps[at], batch.offsets[at])

    def _note_first_days(self, accounts: NDArray[np.int64], days: NDArray[np.int64]) -> None:
        self._first_day.reserve(len(self._accounts))
        held = self._first_day.array[accounts]
        earlier = (held == 0) | (days < held)
        if earlier.any():
            accounts, days = accounts[earlier], days[earlier]
            latest_first = np.argsort(-days, kind="stable")
            self._first_day.array[accounts[latest_first]] = days[latest_first]
            self._first_day.touch(accounts)

    def closable(self) -> list[int]:
        """Open days that no further event can add minutes to."""
        return sorted(day for day in self._minutes.logs if day < self.header.newest_day - self._rules.lateness_days)

    def close(self, day: int, stored_log: bytes | bytearray) -> None:
        """Turn a day's minute log (the stored part is given) into its minutes by account; the log is dropped."""
        users = tables.distinct_users(bytes(stored_log) + self._minutes.close(day))
        self._closed[day] = minutes_by_account(day, self._users.owners(users))
        self.lengths.pop(layout.minute_log(day), None)

    def _take_writes(self) -> list[Write]:
        self._settle_days()
        self._grow_tables()
        logs = [*self._growing.values(), *self._minutes.logs.values()]
        vectors = [self._first_day, self._profiles.cells, *self._closed.values()]
        vectors += [vector for day in self._days.values() for vector in day.vectors()]
        writes = [write for log in logs for write in log.take_writes()] + collect_writes(vectors, MOST_WRITES)
        self._closed = {}
        for write in writes:
            self.lengths[write.string] = max(self.lengths.get(write.string, 0), write.position + len(write.data))
        return writes

    def _grow_tables(self) -> None:
        users = self._users.take_fresh()
        owners = self._users.owners(np.arange(len(self._users) - len(users), len(self._users)))
        self._growing[layout.USER_ACCOUNTS].append(owners.astype("<u4").tobytes())
        for table, fresh in (
            (layout.ACCOUNTS, self._accounts.take_fresh()),
            (layout.ACTIONS, self._actions.take_fresh()),
            (layout.PROFILES, self._profile_names.take_fresh()),
            (layout.USERS, users),
        ):
            text, lengths = tables.encode_names(fresh)
            self._growing[table].append(text)
            self._growing[layout.name_lengths(table)].append(lengths)
        self._growing[layout.SERIES].append(tables.encode_pairs(self._series.take_fresh()))
        self._growing[layout.USER_SERIES].append(tables.encode_pairs(self._user_series.take_fresh()))

    def _settle_days(self) -> None:
        """Let the header's days follow the newest one, and forget what is now before retention."""
        header, rules = self.header, self._rules
        closed_through = min([header.newest_day - rules.lateness_days, *self._minutes.logs]) - 1
        pruned_before = max(header.pruned_before, header.newest_day - rules.retention_days)
        if pruned_before > header.pruned_before:
            for name in [name for name in self.lengths if (layout.day_of(name) or pruned_before) < pruned_before]:
                del self.lengths[name]
            for held in (self._days, self._closed, self._minutes.logs):
                for day in [day for day in held if day < pruned_before]:
                    del held[day]
        self.header = msgspec.structs.replace(
            header, closed_through=max(header.closed_through, closed_through), pruned_before=pruned_before
        )

    def confirmed(self) -> None:
        """Let go of day vectors beyond the open days and ``SPARE_DAYS`` others."""
        open_from = self.header.newest_day - self._rules.lateness_days
        spare = sorted(day for day in self._days if day < open_from)
        for day in spare[: max(0, len(spare) - SPARE_DAYS)]:
            if self._days[day].clean:
                del self._days[day]


def _kept(column: list[Item], mask: NDArray[np.bool_]) -> list[Item]:
    return column if mask.all() else list(compress(column, mask))


def _given(column: list[str | None]) -> NDArray[np.bool_]:
    absent = column.count(None)
    if absent in (0, len(column)):
        return np.full(len(column), not absent)
    return np.fromiter((name is not None for name in column), np.bool_, len(column))


def _distinct(days: NDArray[np.int64]) -> list[int]:
    first = int(days[0])
    return [first] if (days == first).all() else [int(day) for day in np.unique(days)]


def _vocabulary(table: str, strings: Mapping[str, bytes | bytearray]) -> DenseIds[str]:
    """Ids of names of which there are few: a dict is the fastest for those."""
    return DenseIds(tables.names(strings[table], strings[layout.name_lengths(table)]))
