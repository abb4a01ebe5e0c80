"""Growable parts of a slot in memory, each able to say what changed since the last checkpoint as absolute writes."""

import itertools
from collections.abc import Hashable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from store.layout import CHUNK_BYTES
from store.redo import Write

GRANULE_BYTES = 16
_GRANULE_SHIFT = 4
_MERGE_GAP = 3
"""Dirty granules up to this far apart go out as one write: the bytes between cost less than another write."""

Name = TypeVar("Name", bound=Hashable)


class DenseIds(dict[Name, int], Generic[Name]):
    """Dense ids by first appearance, for few names. Indexing with an unknown one gives it the next id and notes it."""

    __slots__ = ("fresh",)

    def __init__(self, known: Iterable[Name] = ()) -> None:
        super().__init__(zip(known, itertools.count(), strict=False))
        self.fresh: list[Name] = []

    def __missing__(self, name: Name) -> int:
        found = self[name] = len(self)
        self.fresh.append(name)
        return found

    def take_fresh(self) -> list[Name]:
        """The names that came since the last call, in order of id."""
        fresh, self.fresh = self.fresh, []
        return fresh


class GrowingLog:
    """A string that only grows: its stored length, and what comes after it."""

    def __init__(self, string: str, length: int) -> None:
        self.string = string
        self.length = length
        self._pending: list[bytes] = []

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        if data:
            self._pending.append(data)

    @property
    def pending(self) -> bytes:
        """What the next checkpoint will append."""
        return b"".join(self._pending)

    def take_writes(self) -> list[Write]:
        """The writes since the last call; from now on they count as stored."""
        data = self.pending
        self._pending = []
        if not data:
            return []
        write = Write(self.string, self.length, data)
        self.length += len(data)
        return [write]


class Cells:
    """A vector of cells by dense id that grows on demand, with the granules touched since the last checkpoint."""

    def __init__(self, string: str, dtype: DTypeLike, stored: bytes | bytearray = b"") -> None:
        self.string = string
        self.array: NDArray[Any] = np.frombuffer(bytearray(stored), dtype)
        self._size = len(self.array)
        self._stored_bytes = len(stored)
        self._dirty = np.zeros(self._granules(), np.bool_)

    def _granules(self) -> int:
        return -(-self.array.nbytes // GRANULE_BYTES)

    def reserve(self, size: int) -> None:
        """Make room for ids below ``size``; new cells are zero."""
        self.array = grown(self.array, size, 0)
        self._dirty = grown(self._dirty, self._granules(), 0)

    def touch(self, ids: NDArray[np.int64]) -> None:
        """Note that the cells of ``ids`` (non-empty, within what is reserved) changed."""
        width = self.array.itemsize
        self._dirty[(ids * width) >> _GRANULE_SHIFT] = True
        if GRANULE_BYTES % width:
            self._dirty[(ids * width + width - 1) >> _GRANULE_SHIFT] = True
        self._size = max(self._size, int(ids.max()) + 1)

    @property
    def clean(self) -> bool:
        """Whether the last checkpoint holds all of it."""
        return not self._dirty.any()

    @property
    def length(self) -> int:
        """Bytes in use."""
        return self._size * self.array.itemsize

    def dirty_granules(self) -> NDArray[np.int64]:
        """Numbers of the granules to write; every chunk the vector has grown over gets its last byte written too."""
        for end in range(self._stored_bytes // CHUNK_BYTES * CHUNK_BYTES + CHUNK_BYTES, self.length, CHUNK_BYTES):
            self._dirty[(end - 1) >> _GRANULE_SHIFT] = True
        return np.flatnonzero(self._dirty)

    def take_writes(self, granules: NDArray[np.int64], most: int) -> list[Write]:
        """At most ``most`` writes that cover ``granules``; from now on they count as stored."""
        data = self.array.view(np.uint8)
        writes = []
        for first, last in granule_runs(granules, most):
            start = first * GRANULE_BYTES
            end = min(last * GRANULE_BYTES, self.length)
            writes.append(Write(self.string, start, data[start:end].tobytes()))
        self._dirty[granules] = False
        self._stored_bytes = self.length
        return writes


class Bits(Cells):
    """One bit by dense id, least significant bit of a byte first."""

    def __init__(self, string: str, stored: bytes | bytearray = b"") -> None:
        super().__init__(string, np.uint8, stored)

    def set(self, ids: NDArray[np.int64]) -> None:
        """Set the bits of ``ids`` (non-empty); those already set cost no write."""
        self.reserve((int(ids.max()) >> 3) + 1)
        at, bit = ids >> 3, np.left_shift(1, ids & 7).astype(np.uint8)
        fresh = (self.array[at] & bit) == 0
        if fresh.any():
            at, bit = at[fresh], bit[fresh]
            np.bitwise_or.at(self.array, at, bit)
            self.touch(at)


def granule_runs(granules: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Cover sorted ``granules`` by at most ``most`` (>= 1) runs [first, last), leaving out the widest gaps."""
    if not len(granules):
        return []
    gaps = np.diff(granules)
    threshold = _MERGE_GAP
    if np.count_nonzero(gaps > threshold) >= most:
        threshold = int(np.partition(gaps, -most)[-most])
    breaks = np.flatnonzero(gaps > threshold)
    firsts = granules[np.concatenate(([0], breaks + 1))]
    lasts = granules[np.concatenate((breaks, [-1]))] + 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def collect_writes(vectors: Iterable[Cells], most: int) -> list[Write]:
    """The writes of many vectors, about ``most`` at the most, shared out by how scattered each one's changes are."""
    dirty = [(vector, granules) for vector in vectors if len(granules := vector.dirty_granules())]
    runs = [int(np.count_nonzero(np.diff(granules) > _MERGE_GAP)) + 1 for _, granules in dirty]
    share = min(1.0, most / max(1, sum(runs)))
    return [
        write
        for (vector, granules), wanted in zip(dirty, runs, strict=True)
        for write in vector.take_writes(granules, max(1, int(wanted * share)))
    ]


def grown(array: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    """``array``, or a copy of it with room for ids below ``size`` whose new cells hold ``fill``."""
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array), 64), array.dtype)  # padding inside of cells included, unlike np.full
    larger[: len(array)] = array
    if fill:
        larger[len(array) :] = fill
    return larger


def ids_of(table: DenseIds[Any], names: Iterable[Any]) -> NDArray[np.int64]:
    """The dense ids of names, shape (n,); names not seen before get the next ones."""
    return np.array(list(map(table.__getitem__, names)), np.int64)
