"""The newest profile of each user."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from store import layout
from stream.cells import Cells, DenseIds, ids_of


class Profiles:
    """The newest one is that of the record with the greatest (timestamp, offset)."""

    def __init__(self, table: DenseIds[str], stored_cells: bytes | bytearray) -> None:
        self._table = table
        self.cells = Cells(layout.PROFILE, layout.PROFILE_CELL, stored_cells)

    def note(
        self,
        users: NDArray[np.int64],
        profiles: Iterable[str],
        timestamps: NDArray[np.int64],
        offsets: NDArray[np.int64],
    ) -> None:
        """Take in what records said of their users; all shape (n,), n >= 1."""
        said = np.zeros(len(users), layout.PROFILE_CELL)
        said["profile"] = ids_of(self._table, profiles) + 1
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
