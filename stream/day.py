"""The day vectors of an actions slot that are in memory."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from store import layout
from stream.cells import Bits, Cells


class DayVectors:
    """Counters and active users of one day."""

    def __init__(self, day: int, strings: Mapping[str, bytes | bytearray]) -> None:
        self.count = Cells(layout.count(day), "<u4", strings.get(layout.count(day), b""))
        self.active = Bits(layout.active(day), strings.get(layout.active(day), b""))
        self.user_count = Cells(layout.user_count(day), "<u4", strings.get(layout.user_count(day), b""))

    @staticmethod
    def strings(day: int) -> tuple[str, ...]:
        """The names of the strings of a day's vectors."""
        return layout.count(day), layout.active(day), layout.user_count(day)

    @property
    def clean(self) -> bool:
        """Whether the last checkpoint holds all of it."""
        return all(vector.clean for vector in self.vectors())

    def vectors(self) -> Iterator[Cells]:
        """All vectors of the day."""
        yield from (self.count, self.active, self.user_count)


def add_one(vector: Cells, ids: NDArray[np.int64]) -> None:
    """Add one to the cells of ``ids`` (non-empty), as often as an id stands in it."""
    vector.reserve(int(ids.max()) + 1)
    np.add.at(vector.array, ids, np.uint32(1))
    vector.touch(ids)
