"""The growing tables of an actions slot: names, owners and series by dense id, and what Redis does not hold yet."""

from collections.abc import Mapping, Sized

import numpy as np
from numpy.typing import NDArray

from store import layout, tables
from store.redo import Write
from stream.cells import DenseIds, GrowingLog
from stream.dense_ids import NameIds, PairIds

_NAMES = (layout.ACCOUNTS, layout.ACTIONS, layout.PROFILES, layout.USERS)
STORED = (*_NAMES, *map(layout.name_lengths, _NAMES), layout.USER_ACCOUNTS, layout.SERIES, layout.USER_SERIES)
"""The strings that the tables are made from."""


class ActionTables:
    """Ids are given by ``accounts``, ``actions``, ``users``, ``profiles``, ``series`` and ``user_series``."""

    def __init__(self, strings: Mapping[str, bytes | bytearray]) -> None:
        owners = np.frombuffer(strings[layout.USER_ACCOUNTS], "<u4").astype(np.int64)
        self.accounts = NameIds(*tables.raw_names(layout.ACCOUNTS, strings))
        self.actions = _vocabulary(layout.ACTIONS, strings)
        self.users = NameIds(*tables.raw_names(layout.USERS, strings), owners)
        self.profiles = _vocabulary(layout.PROFILES, strings)
        self.series = PairIds(tables.packed_pairs(strings[layout.SERIES]))
        self.user_series = PairIds(tables.packed_pairs(strings[layout.USER_SERIES]))
        self._logs = {name: GrowingLog(name, len(strings[name])) for name in STORED}

    @property
    def bytes_a_day(self) -> int:
        """The most that the vectors of one day take."""
        return 4 * len(self.series) + len(self.users) // 8 + 4 * len(self.user_series) + 1

    def sizes(self) -> NDArray[np.int64]:
        """What every ``Table`` holds."""
        tables: tuple[Sized, ...] = (
            self.accounts,
            self.users,
            self.actions,
            self.profiles,
            self.series,
            self.user_series,
        )
        return np.array([*map(len, tables), self.accounts.text_bytes + self.users.text_bytes], np.int64)

    def take_writes(self) -> list[Write]:
        """What the tables have grown by since the last call; from now on it counts as stored."""
        users = self.users.take_fresh()
        self._append(layout.USER_ACCOUNTS, self._owners_of_last(len(users)).astype("<u4").tobytes())
        for table, fresh in (
            (layout.ACCOUNTS, self.accounts.take_fresh()),
            (layout.ACTIONS, self.actions.take_fresh()),
            (layout.PROFILES, self.profiles.take_fresh()),
            (layout.USERS, users),
        ):
            text, lengths = tables.encode_names(fresh)
            self._append(table, text)
            self._append(layout.name_lengths(table), lengths)
        self._append(layout.SERIES, tables.encode_pairs(self.series.take_fresh()))
        self._append(layout.USER_SERIES, tables.encode_pairs(self.user_series.take_fresh()))
        return [write for log in self._logs.values() for write in log.take_writes()]

    def _append(self, string: str, data: bytes) -> None:
        self._logs[string].append(data)

    def _owners_of_last(self, count: int) -> NDArray[np.int64]:
        size = len(self.users)
        return self.users.owners(np.arange(size - count, size))


def _vocabulary(table: str, strings: Mapping[str, bytes | bytearray]) -> DenseIds[str]:
    """Ids of names of which there are few: a dict is the fastest for those."""
    return DenseIds(tables.names(strings[table], strings[layout.name_lengths(table)]))
