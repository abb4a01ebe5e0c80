"""A partition of the actions topic in memory: tables, open days, and the fold of a batch into them."""

from collections.abc import Collection, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from store import layout, tables
from store.layout import Header
from store.redo import Write
from stream import action_tables
from stream.action_tables import ActionTables
from stream.batch import Batch
from stream.cells import Cells, collect_writes, ids_of
from stream.day import DayVectors, add_one
from stream.judge import DayBounds
from stream.known import given
from stream.minutes import MinuteLogs, minutes_by_account
from stream.prepared_actions import PreparedActions, distinct, kept, prepare_actions
from stream.profiles import Profiles
from stream.slot import MOST_BYTES, MOST_WRITES, Slot, SlotRules

LOADED_AT_START = (*action_tables.STORED, layout.FIRST_DAY, layout.PROFILE)
SPARE_DAYS = 16
"""Days out of order that may stay in memory between checkpoints."""


class ActionSlot(Slot[PreparedActions]):
    """See ``Slot``. ``strings`` holds those of ``LOADED_AT_START``."""

    def __init__(self, header: Header, rules: SlotRules, strings: Mapping[str, bytes | bytearray]) -> None:
        super().__init__(header)
        self._rules = rules
        self._tables = ActionTables(strings)
        self._profiles = Profiles(self._tables.profiles, strings[layout.PROFILE])
        self._first_day = Cells(layout.FIRST_DAY, "<u4", strings[layout.FIRST_DAY])
        self._days: dict[int, DayVectors] = {}
        self._minutes = MinuteLogs(header.lengths)
        self._closed: dict[int, Cells] = {}

    def _bounds(self) -> DayBounds:
        header, rules = self.header, self._rules
        return DayBounds(
            header.newest_day, header.closed_through, header.pruned_before, rules.lateness_days, rules.retention_days
        )

    def prepare(self, batch: Batch) -> PreparedActions:
        """Decode and judge; see ``Slot.prepare``."""
        return prepare_actions(batch, self._rules, self._bounds(), self._tables)

    def missing(self, prepared: PreparedActions) -> Collection[str]:
        """Stored vectors of days that are not in memory."""
        absent = [int(day) for day in np.unique(prepared.days) if int(day) not in self._days]
        return [name for day in absent for name in DayVectors.strings(day) if name in self.lengths]

    def supply(self, strings: Mapping[str, bytes | bytearray]) -> None:
        """Take in the day vectors that ``missing`` named."""
        for day in {layout.day_of(name) for name in strings}:
            if day is not None:
                self._days[day] = DayVectors(day, strings)

    def fits(self, prepared: PreparedActions) -> int:
        """As many records as touch no more days than a checkpoint has bytes for; see ``Slot.fits``."""
        changed = {day for day, held in self._days.items() if not held.clean}
        days, first = np.unique(prepared.days, return_index=True)
        fresh = sorted(at for day, at in zip(days.tolist(), first.tolist(), strict=True) if day not in changed)
        room = max(0, self._days_at_once() - len(changed))
        return int(prepared.at[fresh[room]]) if room < len(fresh) else len(prepared.batch.values)

    def _days_at_once(self) -> int:
        return max(1, MOST_BYTES // self._tables.bytes_a_day)

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
        accounts = self._tables.accounts.ids(prepared.accounts)
        actions = ids_of(self._tables.actions, prepared.actions)
        series = self._tables.series.ids(accounts, actions)
        self._note_first_days(accounts, prepared.days)
        for day in distinct(prepared.days):
            if day not in self._days:
                self._days[day] = DayVectors(day, {})
            add_one(self._days[day].count, series[prepared.days == day])
        named = given(prepared.users)
        if named.any():
            users = self._tables.users.ids([user for user in prepared.users if user is not None], accounts[named])
            self._fold_users(prepared, users, actions[named], named)

    def _fold_users(
        self,
        prepared: PreparedActions,
        users: NDArray[np.int64],
        actions: NDArray[np.int64],
        named: NDArray[np.bool_],
    ) -> None:
        days, minutes, timely = prepared.days[named], prepared.minutes[named], ~prepared.late[named]
        user_series = self._tables.user_series.ids(users, actions) if self._rules.user_scores else None
        for day in distinct(days):
            today = days == day
            self._days[day].active.set(users[today])
            self._minutes.note(day, users[today & timely], minutes[today & timely])
            if user_series is not None:
                add_one(self._days[day].user_count, user_series[today])
        profiles = kept(prepared.profiles, named)
        told = given(profiles)
        if told.any():
            at = prepared.at[named][told]
            batch = prepared.batch
            names = [profile for profile in profiles if profile is not None]
            self._profiles.note(users[told], names, batch.timestamps[at], batch.offsets[at])

    def _note_first_days(self, accounts: NDArray[np.int64], days: NDArray[np.int64]) -> None:
        self._first_day.reserve(len(self._tables.accounts))
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
        self._closed[day] = minutes_by_account(day, self._tables.users.owners(users))
        self.lengths.pop(layout.minute_log(day), None)

    def _take_writes(self) -> list[Write]:
        self._settle_days()
        vectors = [self._first_day, self._profiles.cells, *self._closed.values()]
        vectors += [vector for day in self._days.values() for vector in day.vectors()]
        writes = self._tables.take_writes() + self._minutes.take_writes() + collect_writes(vectors, MOST_WRITES)
        self._closed = {}
        for write in writes:
            self.lengths[write.string] = max(self.lengths.get(write.string, 0), write.position + len(write.data))
        return writes

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
