"""The users of an actions slot: dense ids per (account, user), their accounts, their newest profiles."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from store import layout, tables
from stream.cells import Cells, DenseIds, grown, ids_of


class Users:
    """A user is one within its account: the same name in two accounts is two users."""

    def __init__(self, stored: bytes | bytearray) -> None:
        owners, names = tables.users(stored)
        self.table: DenseIds[tuple[int, str]] = DenseIds(zip(owners.tolist(), names, strict=True))
        self._accounts: NDArray[np.int64] = owners.astype(np.int64)
        self._sized = len(names)

    def ids(self, accounts: Iterable[int], names: Iterable[str | None]) -> NDArray[np.int64]:
        """Dense ids of users given as account id and name, shape (n,)."""
        found = ids_of(self.table, zip(accounts, names, strict=True))
        size = len(self.table)
        if size > self._sized:
            owners = [account for account, _ in self.table.fresh[self._sized - size :]]
            self._accounts = grown(self._accounts, size, 0)
            self._accounts[self._sized : size] = owners
            self._sized = size
        return found

    def accounts(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """The account id of each user id."""
        return self._accounts[users]


class Profiles:
    """The newest profile of each user by (record timestamp, offset)."""

    def __init__(self, stored_names: bytes | bytearray, stored_cells: bytes | bytearray) -> None:
        self.table: DenseIds[str] = DenseIds(tables.names(stored_names))
        self.cells = Cells(layout.PROFILE, layout.PROFILE_CELL, stored_cells)

    def note(
        self, users: NDArray[np.int64], profiles: Iterable[str], timestamps: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> None:
        """Take in what records said of their users; all shape (n,), n >= 1."""
        said = np.zeros(len(users), layout.PROFILE_CELL)
        said["profile"] = ids_of(self.table, profiles) + 1
        said["timestamp"], said["offset"] = timestamps, offsets
        self.cells.reserve(int(users.max()) + 1)
        held = self.cells.array[users]
        newer = (held["profile"] == 0) | (timestamps > held["timestamp"])
        newer |= (timestamps == held["timestamp"]) & (offsets > held["offset"])
        users, said = users[newer], said[newer]
        if len(users):
            order = np.lexsort((said["offset"], said["timestamp"]))
            self.cells.array[users[order]] = said[order]
            self.cells.touch(users)
