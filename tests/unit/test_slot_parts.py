"""Parts of a slot's strings are what a reader of the whole strings finds there."""

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
from store.slot_parts import Part, read_parts
from store.slots import READ_TRIES, Answer, SlotStore

CHUNK_BYTES = 16
NUMBERS = itertools.count()
STRINGS = ["accounts", "series", "count:2025-06-30"]
EMPTY = Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0)


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("redo", "slots", "slot_parts"):
            patch.setattr(f"store.{module}.CHUNK_BYTES", CHUNK_BYTES)
        yield


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


def checkpoint(store: SlotStore, slot: SlotName, writes: list[Write], dropped: set[str]) -> None:
    stored = store.stored(slot)
    lengths = {name: size for name, size in (stored.header.lengths if stored else {}).items() if name not in dropped}
    placed: list[Write] = []
    for one in writes:
        position = min(one.position, lengths.get(one.string, 0))
        placed.append(Write(one.string, position, one.data))
        lengths[one.string] = max(lengths.get(one.string, 0), position + len(one.data))
    header = msgspec.structs.replace(EMPTY, lengths=lengths, previous=stored.state_id if stored else b"")
    record = encode_redo(next(NUMBERS).to_bytes(16, "big"), header, placed, stored.header if stored else None)
    assert store.checkpoint(slot, stored, record) is Answer.APPLIED


writes = st.builds(Write, st.sampled_from(STRINGS), st.integers(0, 60), st.binary(min_size=1, max_size=40))
turns = st.lists(st.tuples(st.lists(writes, max_size=4), st.sets(st.sampled_from(STRINGS), max_size=1)), max_size=5)
parts = st.lists(st.builds(Part, st.sampled_from(STRINGS), st.integers(0, 80), st.integers(1, 40)), max_size=6)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=turns, wanted=parts)
def test_a_part_is_what_the_whole_string_has_there(
    *, client: redis.Redis, prefix: str, turns: list[tuple[list[Write], set[str]]], wanted: list[Part]
) -> None:
    store, slot = SlotStore(client), SlotName(prefix + "actions", next(NUMBERS))
    for of_turn, dropped in turns:
        checkpoint(store, slot, of_turn, dropped)
        whole = store.snapshot(slot, lambda _: STRINGS)
        found = read_parts(client, store, slot, wanted)
        assert whole is not None
        assert found is not None
        assert found.header == whole.header
        strings = {name: bytes(data) + bytes(200) for name, data in whole.strings.items()}
        assert found.data == tuple(strings[one.string][one.start : one.start + one.size] for one in wanted)


def test_a_slot_that_is_not_there_is_none(client: redis.Redis, prefix: str) -> None:
    assert read_parts(client, SlotStore(client), SlotName(prefix + "actions", 0), [Part("accounts", 0, 4)]) is None


def test_foreign_bytes_are_blocked(client: redis.Redis, prefix: str) -> None:
    slot = SlotName(prefix + "actions", 0)
    client.set(slot.redo_key, b"foreign bytes, longer than a state id")
    with pytest.raises(Blocked, match="no redo record"):
        read_parts(client, SlotStore(client), slot, [Part("accounts", 0, 4)])


def test_a_slot_that_is_written_all_the_time_is_no_answer(
    client: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, slot = SlotStore(client), SlotName(prefix + "actions", 0)
    checkpoint(store, slot, [Write("accounts", 0, b"x")], set())
    stored = SlotStore.stored

    def then_written(self: SlotStore, name: SlotName) -> RedoRecord | None:
        found = stored(self, name)
        with monkeypatch.context() as patch:
            patch.setattr(SlotStore, "stored", stored)
            checkpoint(store, slot, [Write("accounts", 0, b"y")], set())
        return found

    monkeypatch.setattr(SlotStore, "stored", then_written)
    with pytest.raises(Unavailable, match=f"moved on {READ_TRIES} times"):
        read_parts(client, store, slot, [Part("accounts", 0, 1)])
