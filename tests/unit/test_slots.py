"""Slots are read from a real Redis as the protocol in plain words says, or not at all."""

import itertools
from collections.abc import Iterator

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.exits import Blocked, Unavailable
from store.layout import Header, SlotName
from store.redo import RedoRecord, Write, encode_redo
from store.slots import Answer, SlotStore
from tests.property.key_space import KeySpace

CHUNK_BYTES = 16
NUMBERS = itertools.count()
STRINGS = ["accounts", "users", "series"]
EMPTY = Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0)


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("store.redo.CHUNK_BYTES", CHUNK_BYTES)
        patch.setattr("store.slots.CHUNK_BYTES", CHUNK_BYTES)
        yield


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


@pytest.fixture
def slot(prefix: str) -> SlotName:
    return SlotName(prefix + "actions", 0)


def following(stored: RedoRecord | None, appended: dict[str, bytes], dropped: set[str]) -> RedoRecord:
    """The checkpoint that appends to strings and drops others."""
    before = dict(stored.header.lengths) if stored else {}
    lengths = {name: size for name, size in before.items() if name not in dropped}
    writes = [Write(name, lengths.get(name, 0), data) for name, data in appended.items()]
    lengths |= {one.string: one.position + len(one.data) for one in writes}
    header = msgspec.structs.replace(EMPTY, lengths=lengths, previous=stored.state_id if stored else b"")
    return encode_redo(next(NUMBERS).to_bytes(16, "big"), header, writes, stored.header if stored else None)


def written(store: SlotStore, slot: SlotName, *appended: dict[str, bytes]) -> RedoRecord | None:
    """Checkpoints, one after the other."""
    stored = store.stored(slot)
    for data in appended:
        record = following(stored, data, set())
        assert store.checkpoint(slot, stored, record) is Answer.APPLIED
        stored = record
    return stored


steps = st.tuples(
    st.dictionaries(st.sampled_from(STRINGS), st.binary(min_size=1, max_size=40)),
    st.sets(st.sampled_from(STRINGS), max_size=1),
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(steps, max_size=6))
def test_a_real_redis_comes_to_the_keys_and_strings_of_the_protocol_in_plain_words(
    *, client: redis.Redis, prefix: str, turns: list[tuple[dict[str, bytes], set[str]]]
) -> None:
    store, slot, keys = SlotStore(client), SlotName(prefix + "actions", next(NUMBERS)), KeySpace(CHUNK_BYTES)
    stored: RedoRecord | None = None
    for appended, dropped in turns:
        record = following(stored, appended, dropped)
        assert store.checkpoint(slot, stored, record) == keys.checkpoint(stored, record)
        stored = record
        assert store.stored(slot) == record
        assert store.read(slot, record, STRINGS) == keys.read(record, STRINGS)
        snapshot = store.snapshot(slot, lambda header: header.lengths)
        assert snapshot is not None
        assert snapshot.strings == keys.read(record, record.header.lengths)
        for (name, chunk), held in keys.chunks.items():
            assert client.get(slot.chunk_key(name, chunk)) == bytes(held)


def test_a_slot_that_was_never_written_is_none(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)

    assert store.stored(slot) is None
    assert store.state_id(slot) == b""
    assert store.snapshot(slot, lambda header: header.lengths) is None


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_key_that_is_gone_blocks_by_its_name(client: redis.Redis, slot: SlotName, chunk: int) -> None:
    store = SlotStore(client)
    stored = written(store, slot, {"users": b"x" * 40}, {"accounts": b"y"})
    assert stored is not None
    client.delete(slot.chunk_key("users", chunk))

    with pytest.raises(Blocked, match=rf"Redis holds 0 of \d+ bytes of .*users:{chunk}.*noeviction"):
        store.read(slot, stored, ["users"])
    with pytest.raises(Blocked, match="noeviction"):
        store.snapshot(slot, lambda header: header.lengths)


def test_a_key_that_is_cut_short_blocks(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)
    written(store, slot, {"users": b"x" * 40}, {"accounts": b"y"})
    client.set(slot.chunk_key("users", 2), b"x" * 7)

    with pytest.raises(Blocked, match="Redis holds 7 of 8 bytes"):
        store.snapshot(slot, lambda header: header.lengths)


def test_a_key_that_is_gone_blocks_a_snapshot_also_of_a_slot_that_moves_on_meanwhile(
    client: redis.Redis, slot: SlotName
) -> None:
    store = SlotStore(client)
    written(store, slot, {"users": b"x" * 40}, {"accounts": b"y"})
    client.delete(slot.chunk_key("users", 2))
    moves = iter(range(1))

    def choose(header: Header) -> list[str]:
        for _ in moves:  # a checkpoint between the header and the strings, once
            written(store, slot, {"series": b"z"})
        return list(header.lengths)

    with pytest.raises(Blocked, match="Redis holds 0 of 8 bytes"):
        store.snapshot(slot, choose)


def test_a_checkpoint_never_fills_up_what_is_gone(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)
    first = written(store, slot, {"users": b"x" * 40}, {"accounts": b"y"})
    assert first is not None
    longer = msgspec.structs.replace(first.header, lengths={**first.header.lengths, "users": 44})
    second = encode_redo(b"2" * 16, longer, [Write("users", 40, b"more")], first.header)
    assert store.checkpoint(slot, first, second) is Answer.APPLIED
    client.delete(slot.chunk_key("users", 2))
    third = encode_redo(b"3" * 16, longer, [], longer)
    with pytest.raises(Blocked, match=r"Redis holds less of .*users:2.*noeviction"):
        store.checkpoint(slot, second, third)
    assert store.state_id(slot) == second.state_id
    empty = encode_redo(b"4" * 16, msgspec.structs.replace(longer, lengths={}), [], longer)
    assert store.checkpoint(slot, second, empty) is Answer.APPLIED


def test_foreign_bytes_block(client: redis.Redis, slot: SlotName) -> None:
    client.set(slot.redo_key, b"something else that is no record of ours")

    with pytest.raises(Blocked, match="no redo record of this version"):
        SlotStore(client).stored(slot)


def test_a_snapshot_of_a_slot_that_never_stands_still_is_given_up(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)
    written(store, slot, {"users": b"x"}, {"users": b"x"})

    def choose(header: Header) -> list[str]:
        written(store, slot, {"users": b"x"}, {"users": b"x"})
        return list(header.lengths)

    with pytest.raises(Unavailable, match="moved on 20 times"):
        store.snapshot(slot, choose)


def test_a_read_that_another_writer_overtook_is_to_be_tried_again(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)
    mine = written(store, slot, {"users": b"x" * 20}, {"accounts": b"y"})
    assert mine is not None
    stored: RedoRecord = mine
    for dropped in ({"users"}, set[str]()):
        record = following(stored, {}, dropped)
        assert store.checkpoint(slot, stored, record) is Answer.APPLIED
        stored = record

    with pytest.raises(Unavailable, match="written by another while it was read"):
        store.read(slot, mine, ["users"])


def test_a_string_dropped_while_it_is_read_starts_the_snapshot_again(client: redis.Redis, slot: SlotName) -> None:
    store = SlotStore(client)
    written(store, slot, {"users": b"x" * 20}, {"accounts": b"y"})
    drops = iter([{"users"}, set[str](), set[str]()])

    def choose(header: Header) -> list[str]:
        for dropped in drops:
            stored = store.stored(slot)
            assert store.checkpoint(slot, stored, following(stored, {}, dropped)) is Answer.APPLIED
        return list(header.lengths)

    snapshot = store.snapshot(slot, choose)

    assert snapshot is not None
    assert snapshot.strings == {"accounts": b"y"}
