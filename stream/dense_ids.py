"""Dense ids by first appearance, a batch at a time: hash tables in numpy arrays.

A dict costs 0.6 us (integers) to 1 us (names) per look-up once it is larger than the processor's caches, as every probe
waits for memory; here the probes of a whole batch are under way at once, at a tenth of that, in a third of the memory.
Look-ups are exact: equal fingerprints are followed by a comparison of the whole keys.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.cells import grown

_MULTIPLIER = np.uint64(hash("dense ids") & (2**64 - 1) | 1)
"""Odd, and random per process as Python's own hash is: nobody can choose names that all collide."""
_NAME_WORDS = 5
_NAME_BYTES = 8 * _NAME_WORDS
_LONG = 0xFFFF
"""Stands for the length of a name of more than ``_NAME_BYTES`` bytes; no name has that many."""
_BYTE_MASKS = np.array([2 ** (8 * size) - 1 for size in range(9)], np.uint64)
_FIRST_SLOTS = 1024

_NOBODYS = 2**64 - 1
"""Stands for the number of a long name that has none."""

Same = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Whether the keys of ids (first argument) are those at positions of the query (second), shape (n,)."""


class _Slots:
    """Open addressing with linear probing over u64 fingerprints, at most half full. A slot holds id + 1, 0 is free."""

    def __init__(self) -> None:
        self._slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self._prints = np.zeros(0, np.uint64)
        self.size = 0

    def _home(self, prints: NDArray[np.uint64]) -> NDArray[np.int64]:
        shift = 65 - len(self._slots).bit_length()
        homes: NDArray[np.int64] = ((prints * _MULTIPLIER) >> np.uint64(shift)).astype(np.int64)
        return homes

    def find(self, prints: NDArray[np.uint64], same: Same | None) -> NDArray[np.int64]:
        """The id of each key, -1 where it is unknown; ``same`` is None where fingerprints are the keys."""
        if not self.size:
            return np.full(len(prints), -1)
        at = self._home(prints)
        ids = self._slots[at].astype(np.int64) - 1
        probing = self._mismatched(np.arange(len(prints)), ids, prints, same)
        while len(probing):
            at[probing] = (at[probing] + 1) & (len(self._slots) - 1)
            ids[probing] = self._slots[at[probing]].astype(np.int64) - 1
            probing = self._mismatched(probing, ids, prints, same)
        return ids

    def _mismatched(
        self, probing: NDArray[np.int64], ids: NDArray[np.int64], prints: NDArray[np.uint64], same: Same | None
    ) -> NDArray[np.int64]:
        """The positions whose slot is taken by another key."""
        met = ids[probing]
        equal: NDArray[np.bool_] = self._prints[met] == prints[probing]
        if same is not None:
            candidates = np.flatnonzero(equal & (met >= 0))
            equal[candidates] = same(met[candidates], probing[candidates])
        return probing[(met >= 0) & ~equal]

    def add(self, prints: NDArray[np.uint64]) -> None:
        """Give the next ids to keys that are unknown and differ from each other."""
        first, self.size = self.size, self.size + len(prints)
        self._prints = grown(self._prints, self.size, 0)
        self._prints[first : self.size] = prints
        if 2 * self.size > len(self._slots):
            self._slots = np.zeros(1 << (2 * self.size).bit_length(), np.uint32)
            first = 0
        self._place(np.arange(first, self.size))

    def _place(self, ids: NDArray[np.int64]) -> None:
        at = self._home(self._prints[ids])
        while len(ids):
            free = self._slots[at] == 0
            self._slots[at[free]] = ids[free] + 1  # of several ids for one slot the last stays, and the others go on
            placed = self._slots[at] == ids + 1
            ids, at = ids[~placed], (at[~placed] + 1) & (len(self._slots) - 1)


class PairIds:
    """Ids of pairs of u32, given packed as first << 32 | second."""

    def __init__(self, known: NDArray[np.uint64]) -> None:
        self._slots = _Slots()
        self._slots.add(known)
        self._fresh: list[NDArray[np.uint64]] = []

    def __len__(self) -> int:
        return self._slots.size

    def ids(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
        """The id of each pair, shape (n,); pairs not seen before get the next ones."""
        keys = (first << 32 | second).astype(np.uint64)
        ids = self._slots.find(keys, None)
        unknown = np.flatnonzero(ids < 0)
        if len(unknown):
            fresh = keys[_first_of_each(keys, unknown)]
            self._slots.add(fresh)
            self._fresh.append(fresh)
            ids[unknown] = self._slots.find(keys[unknown], None)
        return ids

    def find(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
        """The id of each pair, shape (n,), -1 where it has none; changes nothing."""
        return self._slots.find((first << 32 | second).astype(np.uint64), None)

    def take_fresh(self) -> NDArray[np.uint64]:
        """The pairs that came since the last call, in order of id."""
        fresh, self._fresh = self._fresh, []
        return np.concatenate(fresh) if fresh else np.empty(0, np.uint64)


class NameIds:
    """Ids of names, each within an owner (0 where names have none): the same name of two owners is two names."""

    def __init__(self, text: bytes, lengths: NDArray[np.int64], owners: NDArray[np.int64] | None = None) -> None:
        self._slots = _Slots()
        self._long: dict[bytes, int] = {}
        self._rows = self._encode(text, lengths, owners, self._number)
        self.text_bytes = len(text)
        self._slots.add(_fingerprints(self._rows))
        self._fresh: list[str] = []

    def __len__(self) -> int:
        return self._slots.size

    def ids(self, names: list[str], owners: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The id of each name, shape (n,); names not seen before get the next ones."""
        text, lengths = _joined(names)
        rows = self._encode(text, lengths, owners, self._number)
        prints = _fingerprints(rows)
        ids = self._slots.find(prints, self._same(rows))
        while len(unknown := np.flatnonzero(ids < 0)):  # more than once only where fingerprints of two names are equal
            fresh = _first_of_each(prints, unknown)
            self._keep(rows[fresh])
            self._slots.add(prints[fresh])
            self._fresh += [names[at] for at in fresh.tolist()]
            self.text_bytes += int(lengths[fresh].sum())
            ids[unknown] = self._slots.find(prints[unknown], self._same(rows[unknown]))
        return ids

    def find(self, names: list[str], owners: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The id of each name, shape (n,), -1 where it has none; changes nothing."""
        rows = self._encode(*_joined(names), owners, lambda name: self._long.get(name, _NOBODYS))
        return self._slots.find(_fingerprints(rows), self._same(rows))

    def take_fresh(self) -> list[str]:
        """The names that came since the last call, in order of id."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def owners(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The owner of each id."""
        owners: NDArray[np.int64] = (self._rows[ids, 0] >> np.uint64(32)).astype(np.int64)
        return owners

    def _keep(self, rows: NDArray[np.uint64]) -> None:
        size = self._slots.size
        if size + len(rows) > len(self._rows):
            larger = np.zeros((max(size + len(rows), 2 * size), _NAME_WORDS + 1), np.uint64)
            larger[:size] = self._rows[:size]
            self._rows = larger
        self._rows[size : size + len(rows)] = rows

    def _same(self, rows: NDArray[np.uint64]) -> Same:
        def same(ids: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
            held, asked = self._rows[ids], rows[at]
            difference = held[:, 0] ^ asked[:, 0]
            for word in range(1, _NAME_WORDS + 1):
                difference |= held[:, word] ^ asked[:, word]
            equal: NDArray[np.bool_] = difference == 0
            return equal

        return same

    def _number(self, name: bytes) -> int:
        """The number of a long name, which gets the next one where it has none."""
        return self._long.setdefault(name, len(self._long))

    @staticmethod
    def _encode(
        text: bytes,
        lengths: NDArray[np.int64],
        owners: NDArray[np.int64] | None,
        number: Callable[[bytes], int],
    ) -> NDArray[np.uint64]:
        """A row per name, equal for equal names only: owner and length, then the name's bytes, zero padded.

        Instead of its bytes a long name's row holds ``number`` of it, which is that name's alone.
        """
        ends = np.cumsum(lengths)
        starts = ends - lengths
        rows = np.zeros((len(lengths), _NAME_WORDS + 1), np.uint64)
        # Eight bytes at every byte position of the text, so that the words of all names are one gather each.
        padded = np.frombuffer(text + bytes(_NAME_BYTES + 8), np.uint8)
        words: NDArray[np.uint64] = np.ndarray((len(text) + _NAME_BYTES,), "<u8", padded, strides=(1,))
        longest = int(lengths.max()) if len(lengths) else 0
        for word in range(min(_NAME_WORDS, -(-longest // 8))):
            left = np.clip(lengths - 8 * word, 0, 8)
            rows[:, word + 1] = words[starts + 8 * word * (left > 0)] & _BYTE_MASKS[left]
        sizes = lengths.copy()
        for at in np.flatnonzero(lengths > _NAME_BYTES).tolist():
            rows[at, 1:] = 0
            rows[at, 1] = number(text[starts[at] : ends[at]])
            sizes[at] = _LONG
        rows[:, 0] = sizes if owners is None else owners << 32 | sizes
        return rows


def _joined(names: list[str]) -> tuple[bytes, NDArray[np.int64]]:
    """The UTF-8 bytes of names one after the other, and how many of them each has."""
    joined = "".join(names)
    text = joined.encode()
    measured = map(len, names) if len(text) == len(joined) else (len(name.encode()) for name in names)
    return text, np.fromiter(measured, np.int64, len(names))


def _fingerprints(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    prints = rows[:, 0] * _MULTIPLIER
    for word in range(1, rows.shape[1]):
        prints ^= prints >> np.uint64(29)
        prints ^= rows[:, word]
        prints *= _MULTIPLIER
    return prints ^ (prints >> np.uint64(32))


def _first_of_each(keys: NDArray[np.uint64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position of the first of each distinct key, rising, looking only at positions ``among``."""
    _, first = np.unique(keys[among], return_index=True)
    return among[np.sort(first)]


assert sys.byteorder == "little", "slots are little-endian, and are read and written as they are in memory"  # noqa: S101
