"""A redo record says again what went into it, cut at the ends of chunks, and what it drops and stands on."""

import itertools
import struct
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.layout import Header
from store.redo import RedoRecord, Write, chunks_of, decode_redo, encode_redo
from tests.property.key_space import KeySpace

CHUNK_BYTES = 16
NAMES = ["accounts", "count:2026-11-01", "minute-log:2026-11-02"]
STATE_ID = bytes(range(16))

writes_of_one = st.lists(
    st.builds(Write, st.sampled_from(NAMES), st.integers(0, 60), st.binary(min_size=1, max_size=50)), max_size=8
)


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("store.redo.CHUNK_BYTES", CHUNK_BYTES)
        yield


def header(lengths: dict[str, int]) -> Header:
    return Header(timezone="UTC", topic_id="t", next_offset=7, first_offset=0, lengths=lengths)


def image(writes: list[Write]) -> dict[tuple[str, int], int]:
    """The byte at every position that writes go to, the last one where several do."""
    return {(one.string, one.position + at): byte for one in writes for at, byte in enumerate(one.data)}


def lengths_after(lengths: dict[str, int], writes: list[Write]) -> dict[str, int]:
    grown = dict(lengths)
    for one in writes:
        grown[one.string] = max(grown.get(one.string, 0), one.position + len(one.data))
    return grown


@given(writes_of_one)
def test_a_record_reads_back_as_it_was_written(writes: list[Write]) -> None:
    record = encode_redo(STATE_ID, header({"accounts": 3}), writes, header({"actions": 40, "users": 16}))

    again = decode_redo(record.encoded)

    assert again == record
    assert list(again.writes()) == list(record.writes())


@given(writes_of_one)
def test_writes_are_cut_at_the_ends_of_chunks_and_nowhere_else(writes: list[Write]) -> None:
    pieces = list(encode_redo(STATE_ID, header({}), writes, None).writes())

    assert image(pieces) == image(writes)
    for piece in pieces:
        assert piece.position // CHUNK_BYTES == (piece.position + len(piece.data) - 1) // CHUNK_BYTES
    ends = sum((one.position + len(one.data) - 1) // CHUNK_BYTES - one.position // CHUNK_BYTES for one in writes)
    assert len(pieces) == len(writes) + ends


@given(writes_of_one)
def test_every_chunk_that_is_written_is_named_once(writes: list[Write]) -> None:
    record = encode_redo(STATE_ID, header({}), writes, None)

    assert len(set(record.chunks)) == len(record.chunks)
    assert set(record.chunks) == {(name, position // CHUNK_BYTES) for name, position in image(writes)}


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 50)), st.sets(st.sampled_from(NAMES)))
def test_all_chunks_of_strings_that_are_no_longer_named_are_dropped(stored: dict[str, int], kept: set[str]) -> None:
    record = encode_redo(STATE_ID, header(dict.fromkeys(kept, 1)), [], header(stored))

    gone = {name: size for name, size in stored.items() if name not in kept}
    assert sorted(record.drops) == sorted(
        (name, chunk) for name, size in gone.items() for chunk in range(chunks_of(size))
    )


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 50)), writes_of_one)
def test_the_base_of_a_written_string_is_its_length_before(stored: dict[str, int], writes: list[Write]) -> None:
    record = encode_redo(STATE_ID, header(lengths_after(stored, writes)), writes, header(stored))

    assert record.bases == {one.string: stored.get(one.string, 0) for one in writes}


turns = st.lists(
    st.tuples(writes_of_one, st.sets(st.sampled_from(NAMES), max_size=1), st.none() | st.integers(0, 20)), max_size=6
)


@settings(deadline=None)
@given(turns)
def test_strings_read_as_all_writes_made_them_even_if_a_script_died_in_between(
    turns: list[tuple[list[Write], set[str], int | None]],
) -> None:
    keys, numbers = KeySpace(CHUNK_BYTES), itertools.count(1)
    plain: dict[str, bytearray] = {}
    before: dict[str, bytearray] = {}
    stored: RedoRecord | None = None
    for writes, dropped, dies_after in turns:
        for name in dropped:
            plain.pop(name, None)
        filled = without_holes(plain, writes)
        for one in filled:
            held = plain.setdefault(one.string, bytearray())
            held[one.position : one.position + len(one.data)] = one.data
        record = encode_redo(
            next(numbers).to_bytes(16, "big"),
            header({name: len(held) for name, held in plain.items()}),
            filled,
            stored.header if stored else None,
        )
        if dies_after is not None:
            keys.checkpoint(stored, record, dies_after)
        if stored is not None:
            assert keys.read(stored, stored.header.lengths) == before
        assert keys.checkpoint(stored, record) == "applied"
        assert keys.checkpoint(stored, record) == "already"
        stored, before = record, {name: bytearray(held) for name, held in plain.items()}
        assert keys.read(record, record.header.lengths) == before


def without_holes(plain: dict[str, bytearray], writes: list[Write]) -> list[Write]:
    """The writes, with zeros between the end of a string and a write beyond it."""
    ends, found = {name: len(held) for name, held in plain.items()}, []
    for one in writes:
        end = ends.get(one.string, 0)
        if one.position > end:
            found.append(Write(one.string, end, bytes(one.position - end)))
        found.append(one)
        ends[one.string] = max(end, one.position + len(one.data))
    return found


@pytest.mark.parametrize(
    "data", [b"", b"short", STATE_ID + b"\xff\xff\xff\xff", STATE_ID + struct.pack("<I", 3) + b"abc"]
)
def test_other_bytes_are_no_record(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, struct.error)):
        decode_redo(data)
