"""Dense ids are those of a plain dict, whatever names there are and however their fingerprints meet."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from store import tables
from stream import dense_ids
from stream.dense_ids import NameIds, PairIds

LONG = "n" * 39
names = st.one_of(
    st.text(max_size=3),
    st.sampled_from(["", "a", "a\0", "a\0\0", "\0", "aaaaaaaa", "aaaaaaaa\0", "é", "日本語", "😀", "\U0010ffff" * 256]),
    st.sampled_from(
        [LONG, LONG + "n", LONG + "nn", LONG + "\0", LONG + "é", LONG[1:] + "é", "x" * 256, "x" * 255 + "y"]
    ),
)
owned = st.tuples(names, st.sampled_from([0, 1, 2, 2**31]))
columns = st.lists(st.lists(owned, max_size=12), max_size=5)
halves = st.integers(0, 3) | st.integers(0, 2**32 - 1).filter(lambda half: half < 2**31)
pairs = st.lists(st.lists(st.tuples(halves, halves), max_size=12), max_size=5)
prints = st.sampled_from([None, 1, 2])
"""How many fingerprints there are: None for as many as there are names."""


@contextmanager
def few_fingerprints(count: int | None) -> Iterator[None]:
    """Let names share ``count`` fingerprints."""
    real = dense_ids._fingerprints  # noqa: SLF001  collisions cannot be had otherwise

    def few(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return real(rows) if count is None else real(rows) % np.uint64(count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_ids, "_fingerprints", few)
        yield


class Table:
    """A NameIds beside the dict that it must equal; ``fresh`` gathers what a checkpoint would store."""

    def __init__(self) -> None:
        self.found = NameIds(b"", np.empty(0, np.int64))
        self.ids: dict[tuple[str, int], int] = {}
        self.fresh: list[str] = []
        self.owners: list[int] = []

    def look_up(self, column: list[tuple[str, int]]) -> None:
        """Ids are one per (name, owner), for good, and the next ones for those that were not seen."""
        owners = np.array([owner for _, owner in column], np.int64)
        ids = self.found.ids([name for name, _ in column], owners).tolist()
        for key, given_id in zip(column, ids, strict=True):
            assert self.ids.setdefault(key, given_id) == given_id
        assert sorted(self.ids.values()) == list(range(len(self.ids)))
        assert len(self.found) == len(self.ids)

    def take_fresh(self) -> None:
        """What is new is named in order of id."""
        known, fresh = len(self.fresh), self.found.take_fresh()
        owners = self.found.owners(np.arange(known, known + len(fresh))).tolist()
        by_id = {number: key for key, number in self.ids.items()}
        assert list(zip(fresh, owners, strict=True)) == [by_id[number] for number in range(known, len(by_id))]
        self.fresh += fresh
        self.owners += owners

    def reload(self) -> None:
        """Start anew from what was stored."""
        self.take_fresh()
        text, lengths = tables.encode_names(self.fresh)
        strings = {"t": text, "t-lengths": lengths}
        self.found = NameIds(*tables.raw_names("t", strings), np.array(self.owners, np.int64))
        assert tables.names(text, lengths) == self.fresh


@settings(deadline=None, max_examples=150)
@given(columns, st.sets(st.integers(0, 5)), prints)
@example([[("a", 0), ("a\0", 0), ("a", 1), ("", 0)]], {0}, 1)
@example([[(LONG + "n", 0), (LONG + "nn", 0), (LONG + "é", 0)]], {0}, 1)
def test_names_have_the_ids_of_a_dict(
    column: list[list[tuple[str, int]]], reloads: set[int], count: int | None
) -> None:
    with few_fingerprints(count):
        table = Table()
        for turn, part in enumerate(column):
            table.look_up(part)
            if turn in reloads:
                table.reload()
        table.take_fresh()
        table.look_up([*itertools.chain(*column)])
        table.take_fresh()
    assert len(table.fresh) == len(table.ids)


@given(st.lists(st.sampled_from(["a", "b", "a\0", LONG + "nn", "é"])))
def test_ids_are_given_by_first_appearance(column: list[str]) -> None:
    ids = NameIds(b"", np.empty(0, np.int64)).ids(column)

    order = list(dict.fromkeys(column))
    assert ids.tolist() == [order.index(name) for name in column]


@settings(deadline=None)
@given(pairs, st.sets(st.integers(0, 5)))
def test_pairs_have_the_ids_of_a_dict(column: list[list[tuple[int, int]]], reloads: set[int]) -> None:
    found, expected, stored = PairIds(np.empty(0, np.uint64)), dict[tuple[int, int], int](), bytearray()
    for turn, part in enumerate(column):
        first, second = (np.array([pair[side] for pair in part], np.int64) for side in (0, 1))
        ids = found.ids(first, second).tolist()
        assert ids == [expected.setdefault(pair, len(expected)) for pair in part]
        if turn in reloads:
            stored += tables.encode_pairs(found.take_fresh())
            found = PairIds(tables.packed_pairs(stored))
    stored += tables.encode_pairs(found.take_fresh())
    assert list(map(tuple, tables.pairs(stored).tolist())) == list(expected)


@pytest.mark.parametrize("count", [None, 40])
def test_a_table_of_thousands_grows_and_reloads(count: int | None) -> None:
    rnd, size = random.Random(3), 6_000 if count is None else 150
    with few_fingerprints(count):
        table = Table()
        for _ in range(12):
            table.look_up([(f"name-{rnd.randrange(size)}", rnd.randrange(2)) for _ in range(size)])
            if rnd.random() < 0.3:
                table.reload()
        table.take_fresh()
    assert len(table.ids) > size


def test_thousands_of_pairs_grow_their_table() -> None:
    rng, found, expected = np.random.default_rng(3), PairIds(np.empty(0, np.uint64)), dict[tuple[int, int], int]()
    for _ in range(10):
        first, second = rng.integers(0, 100, 2_000), rng.integers(0, 100, 2_000)
        ids = found.ids(first, second).tolist()
        keys = zip(first.tolist(), second.tolist(), strict=True)
        assert ids == [expected.setdefault(key, len(expected)) for key in keys]
    assert len(expected) > 5_000
