"""What the tables of an actions slot know of the names in a batch, looked up without adding any."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.action_tables import ActionTables
from stream.cells import DenseIds
from stream.decode import ActionColumns
from stream.limits import Table

Key = tuple[str | None, ...]


class Known:
    """Each look-up is made once, where it is first asked for. ``of_users`` where users' actions are counted."""

    def __init__(self, columns: ActionColumns, tables: ActionTables, *, of_users: bool) -> None:
        self._columns = columns
        self._tables = tables
        self._of_users = of_users

    def fresh(self, table: Table) -> NDArray[np.bool_]:
        """The records whose counting adds to ``table``, shape (n,)."""
        look_up: dict[Table, Callable[[], NDArray[np.bool_]]] = {
            Table.ACCOUNTS: lambda: self._accounts < 0,
            Table.USERS: lambda: self._named & (self._users < 0),
            Table.ACTIONS: lambda: self._actions < 0,
            Table.PROFILES: self._fresh_profiles,
            Table.SERIES: lambda: self._fresh_pairs(self._accounts, self._tables.series.find),
            Table.USER_SERIES: self._fresh_user_series,
            Table.NAME_BYTES: lambda: self.fresh(Table.ACCOUNTS) | self.fresh(Table.USERS),
        }
        return look_up[table]()

    def keys(self, at: int) -> tuple[Key, ...]:
        """What the record at ``at`` names in every ``Table`` but the last; the last part of each is a name."""
        columns = self._columns
        account, action, user = columns.accounts[at], columns.actions[at], columns.users[at]
        pair = (account, action)
        return (account,), (account, user), (action,), (columns.profiles[at],), pair, (account, user, action)

    @cached_property
    def _named(self) -> NDArray[np.bool_]:
        return given(self._columns.users)

    @cached_property
    def _accounts(self) -> NDArray[np.int64]:
        return self._tables.accounts.find(self._columns.accounts)

    @cached_property
    def _actions(self) -> NDArray[np.int64]:
        return _ids(self._tables.actions, self._columns.actions)

    @cached_property
    def _users(self) -> NDArray[np.int64]:
        """-1 also where there is no user."""
        asked = np.flatnonzero(self._named & (self._accounts >= 0))
        names = [self._columns.users[at] or "" for at in asked.tolist()]
        found = np.full(len(self._named), -1, np.int64)
        found[asked] = self._tables.users.find(names, self._accounts[asked])
        return found

    def _fresh_profiles(self) -> NDArray[np.bool_]:
        profiles = self._columns.profiles
        return self._named & given(profiles) & (_ids(self._tables.profiles, profiles) < 0)

    def _fresh_user_series(self) -> NDArray[np.bool_]:
        if not self._of_users:
            return np.zeros(len(self._named), np.bool_)
        return self._named & self._fresh_pairs(self._users, self._tables.user_series.find)

    def _fresh_pairs(
        self,
        first: NDArray[np.int64],
        find: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]],
    ) -> NDArray[np.bool_]:
        """Where this id and that of the action are no pair yet."""
        fresh = (first < 0) | (self._actions < 0)
        asked = np.flatnonzero(~fresh)
        fresh[asked] = find(first[asked], self._actions[asked]) < 0
        return fresh


def given(column: list[str | None]) -> NDArray[np.bool_]:
    """Where a column has a name, shape (n,)."""
    absent = column.count(None)
    if absent in (0, len(column)):
        return np.full(len(column), not absent)
    return np.fromiter((name is not None for name in column), np.bool_, len(column))


def _ids(table: DenseIds[str], names: list[str] | list[str | None]) -> NDArray[np.int64]:
    return np.fromiter((table.get(name, -1) for name in names), np.int64, len(names))  # type: ignore[arg-type]  # None has none
