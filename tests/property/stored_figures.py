"""The figures in the strings of an actions slot, in names instead of dense ids: what any reader makes of them."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from store import layout, tables, vectors
from store.layout import Header
from tests.property.plain_slot import Figures, Pair


class StoredFigures:
    """``strings`` holds all strings that ``header`` names, those of no bytes left out or not."""

    def __init__(self, header: Header, strings: Mapping[str, bytes | bytearray]) -> None:
        self._header = header
        self._strings = strings
        self._accounts, self._actions = self._names(layout.ACCOUNTS), self._names(layout.ACTIONS)
        names, owners = self._names(layout.USERS), np.frombuffer(self._held(layout.USER_ACCOUNTS), "<u4").tolist()
        self._users: list[Pair] = [(self._accounts[owner], name) for owner, name in zip(owners, names, strict=True)]
        self._days = {day for name in header.lengths if (day := layout.day_of(name))}

    def _held(self, string: str) -> bytes:
        return bytes(self._strings.get(string, b""))

    def _names(self, table: str) -> list[str]:
        found = tables.names(self._held(table), self._held(layout.name_lengths(table)))
        assert len(set(found)) == len(found) or table == layout.USERS
        return found

    def read(self) -> Figures:
        """All of it."""
        header = self._header
        return Figures(
            counts=self._counts(),
            user_counts=self._user_counts(),
            active=self._active(),
            minutes=self._open_minutes() + self._closed_minutes(),
            first_day=self._first_day(),
            profiles=self._profiles(),
            counted=header.counted,
            rejected=header.rejected,
            late=header.late,
            newest_day=header.newest_day,
            closed_through=header.closed_through,
            pruned_before=header.pruned_before,
        )

    def _counts(self) -> Counter[tuple[str, int, str]]:
        series = tables.pairs(self._held(layout.SERIES)).tolist()
        return Counter(
            {
                (self._accounts[account], day, self._actions[action]): n
                for day in self._days
                for (account, action), n in _nonzero(series, self._held(layout.count(day)))
            }
        )

    def _user_counts(self) -> Counter[tuple[Pair, int, str]]:
        series = tables.pairs(self._held(layout.USER_SERIES)).tolist()
        return Counter(
            {
                (self._users[user], day, self._actions[action]): n
                for day in self._days
                for (user, action), n in _nonzero(series, self._held(layout.user_count(day)))
            }
        )

    def _active(self) -> dict[int, set[Pair]]:
        found = {}
        for day in self._days:
            bits = vectors.bits(self._held(layout.active(day)), len(self._users))
            if bits.any():
                found[day] = {self._users[user] for user in np.flatnonzero(bits).tolist()}
        return found

    def _open_minutes(self) -> Counter[tuple[str, int]]:
        logs = {day: tables.pairs(self._held(layout.minute_log(day))).tolist() for day in self._days}
        assert not any(logs[day] for day in self._days if day <= self._header.closed_through)
        pairs = {(day, user, minute) for day, log in logs.items() for user, minute in log}
        return Counter((self._users[user][0], day) for day, user, _ in pairs)

    def _closed_minutes(self) -> Counter[tuple[str, int]]:
        held = {day: vectors.cells(self._held(layout.minutes(day)), len(self._accounts)) for day in self._days}
        assert not any(held[day].any() for day in self._days if day > self._header.closed_through)
        return Counter(
            {
                (self._accounts[account], day): n
                for day, cells in held.items()
                for account, n in enumerate(cells.tolist())
                if n
            }
        )

    def _first_day(self) -> dict[str, int]:
        days = vectors.cells(self._held(layout.FIRST_DAY), len(self._accounts)).tolist()
        return dict(zip(self._accounts, days, strict=True))

    def _profiles(self) -> dict[Pair, str]:
        names = self._names(layout.PROFILES)
        cells = np.frombuffer(self._held(layout.PROFILE), layout.PROFILE_CELL)["profile"].tolist()
        return {self._users[user]: names[cell - 1] for user, cell in enumerate(cells) if cell}


def _nonzero(series: list[list[int]], data: bytes) -> list[tuple[list[int], int]]:
    cells = vectors.cells(data, len(series)).tolist()
    return [(pair, n) for pair, n in zip(series, cells, strict=True) if n]
