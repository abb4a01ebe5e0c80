"""What the growing parts of a slot say has changed, laid over what was stored, is what they hold in memory."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from store.layout import PROFILE_CELL
from store.redo import Write
from stream.cells import GRANULE_BYTES, Bits, Cells, DenseIds, GrowingLog, collect_writes, granule_runs, grown, ids_of

CHUNK_BYTES = 64

batches = st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=6), max_size=8)
most = st.integers(1, 12)


def lay(stored: bytearray, writes: list[Write]) -> bytearray:
    """What a string holds after writes, zero where none went."""
    for write in writes:
        end = write.position + len(write.data)
        stored.extend(bytes(max(0, end - len(stored))))
        stored[write.position : end] = write.data
    return stored


def held_chunks(chunks: dict[int, int], writes: list[Write]) -> dict[int, int]:
    """Bytes that Redis holds of each chunk of a string after writes."""
    for write in writes:
        for at in range(write.position, write.position + len(write.data)):
            chunk, offset = divmod(at, CHUNK_BYTES)
            chunks[chunk] = max(chunks.get(chunk, 0), offset + 1)
    return chunks


def cells_by(vector: Cells, ids: list[int], number: int) -> None:
    """Write a number into cells, as the fold does: reserve, change, touch."""
    at = np.array(ids)
    vector.reserve(max(ids) + 1)
    vector.array[at] = np.full(len(ids), number).astype(vector.array.dtype)
    vector.touch(at)


@settings(deadline=None)
@given(st.sampled_from(["<u4", "u1", "<u8", PROFILE_CELL]), batches, most)
def test_writes_laid_over_the_stored_string_make_the_vector(
    dtype: DTypeLike, turns: list[list[int]], most: int
) -> None:
    vector, stored = Cells("v", dtype), bytearray()
    for number, ids in enumerate(turns, 1):
        cells_by(vector, ids, number)
        before = vector.clean
        stored = lay(stored, collect_writes([vector], most))
        assert (before, vector.clean) == (False, True)
        assert stored == vector.array.tobytes()[: vector.length]
        vector = vector if number % 3 else Cells("v", dtype, stored)
    assert collect_writes([vector], most) == []


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 900), min_size=1, max_size=5), min_size=1, max_size=5))
def test_a_string_grown_over_chunks_leaves_every_chunk_before_its_last_whole(turns: list[list[int]]) -> None:
    chunks: dict[int, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.cells.CHUNK_BYTES", CHUNK_BYTES)
        vector = Cells("v", "<u4")
        for number, ids in enumerate(turns, 1):
            cells_by(vector, ids, number)
            chunks = held_chunks(chunks, collect_writes([vector], 1_000))
            last, rest = divmod(vector.length, CHUNK_BYTES)
            assert [chunks.get(chunk) for chunk in range(last)] == [CHUNK_BYTES] * last
            assert chunks.get(last, 0) == rest


@settings(deadline=None)
@given(batches, most)
def test_bits_are_a_set_of_ids_and_cost_no_write_where_they_are_set_already(turns: list[list[int]], most: int) -> None:
    vector, stored, expected = Bits("b"), bytearray(), set[int]()
    for ids in turns:
        known = set(ids) <= expected
        expected |= set(ids)
        vector.set(np.array(ids))
        assert vector.clean == known
        stored = lay(stored, collect_writes([vector], most))
        bits = np.unpackbits(np.frombuffer(stored, np.uint8), bitorder="little")
        assert set(np.flatnonzero(bits).tolist()) == expected
        vector = Bits("b", stored)


@given(st.lists(st.binary(max_size=4), max_size=6), st.integers(0, 5), st.sets(st.integers(0, 5)))
def test_a_log_is_what_was_appended_however_often_it_is_written(
    parts: list[bytes], length: int, written: set[int]
) -> None:
    log, stored = GrowingLog("g", length), bytearray(length)
    for at, part in enumerate(parts):
        log.append(part)
        if at in written:
            stored = lay(stored, log.take_writes())
    assert stored + log.pending == bytes(length) + b"".join(parts)
    assert log.length == len(stored)
    log.take_writes()
    assert log.take_writes() == []


@given(st.sets(st.integers(0, 300)), most)
@example({0, 1, 2, 3}, 1)
@example({0, 10, 20, 30}, 2)
def test_at_most_so_many_runs_cover_all_granules(chosen: set[int], most: int) -> None:
    runs = granule_runs(np.array(sorted(chosen), np.int64), most)

    assert len(runs) <= most
    assert chosen <= {granule for first, last in runs for granule in range(first, last)}
    assert all(first in chosen and last - 1 in chosen for first, last in runs)
    assert all(one[1] < other[0] for one, other in pairwise(runs))


@given(st.lists(st.integers(4, 40), min_size=2, max_size=12, unique=True))
def test_the_widest_gaps_are_left_out(gaps: list[int]) -> None:
    granules = np.cumsum([0, *gaps])

    runs = granule_runs(granules, 2)

    widest = int(np.argmax(gaps))
    assert runs == [(0, int(granules[widest]) + 1), (int(granules[widest + 1]), int(granules[-1]) + 1)]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2_000), min_size=1, max_size=30), min_size=1, max_size=5), most)
def test_the_writes_of_many_vectors_are_about_as_many_as_allowed(columns: list[list[int]], most: int) -> None:
    vectors = [Cells(f"v{number}", "<u4") for number in range(len(columns))]
    for vector, ids in zip(vectors, columns, strict=True):
        cells_by(vector, ids, 1)

    writes = collect_writes(vectors, most)

    assert len(writes) <= max(most, len(vectors)) + len(vectors)
    for vector in vectors:
        stored = lay(bytearray(), [write for write in writes if write.string == vector.string])
        assert stored == vector.array.tobytes()[: vector.length]


def test_a_cell_that_spans_two_granules_is_written_whole() -> None:
    vector = Cells("p", PROFILE_CELL)
    cells_by(vector, [0, 1, 2, 3], 0)
    collect_writes([vector], 10)
    cells_by(vector, [2], 7)

    (write,) = collect_writes([vector], 10)

    assert write.position == 3 * GRANULE_BYTES
    assert write.position + len(write.data) >= 3 * PROFILE_CELL.itemsize


@given(st.lists(st.integers(0, 9)), st.integers(0, 200))
def test_a_grown_array_keeps_its_cells_and_fills_the_rest(held: list[int], size: int) -> None:
    array = grown(np.array(held, np.int64), size, -1)

    assert array[: len(held)].tolist() == held
    assert len(array) >= size
    assert (array[len(held) :] == -1).all()


@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_few_names_get_ids_by_first_appearance(known: list[str], names: list[str]) -> None:
    before = list(dict.fromkeys(known))
    table = DenseIds(before)

    ids = ids_of(table, names)

    order = list(dict.fromkeys([*before, *names]))
    assert ids.tolist() == [order.index(name) for name in names]
    assert table.take_fresh() == order[len(before) :]
    assert table.take_fresh() == []
