"""The slot protocol against a real Redis that is killed, torn and rolled back: no wrong state is ever read."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import redis

from schemas.exits import Unavailable
from services.redis import LocalRedis
from store.layout import Header, SlotName
from store.redo import RedoRecord, Write, encode_redo
from store.slots import Answer, SlotStore
from stream.cells import Cells, GrowingLog, collect_writes

SLOT = SlotName("t.actions", 0)
CELLS = 400
SEED = 20261124


def cell_of(offset: int) -> int:
    return (offset * 2654435761 >> 7) % CELLS


class PlainWriter:
    """A slot of one vector and one log; what it must hold is a function of its offset alone."""

    def __init__(self, store: SlotStore) -> None:
        self.store = store
        self.stored = store.stored(SLOT)
        if self.stored is None:
            self.header = Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0)
            held: dict[str, bytearray] = {"v": bytearray(), "g": bytearray()}
        else:
            self.header = self.stored.header
            held = store.read(SLOT, self.stored, ["v", "g"])
        self.vector = Cells("v", "<u4", held["v"])
        self.log = GrowingLog("g", len(held["g"]))
        self.held = held

    def check(self) -> None:
        offset = self.header.next_offset
        counts = np.bincount([cell_of(i) for i in range(offset)] or [0], minlength=CELLS) if offset else np.zeros(CELLS)
        cells = np.frombuffer(self.held["v"], "<u4")
        assert counts[: len(cells)].tolist() == cells.tolist()
        assert counts[len(cells) :].sum() == 0
        assert np.frombuffer(self.held["g"], "<u4").tolist() == list(range(offset))

    def record(self, events: int, state_id: bytes) -> RedoRecord:
        offset = self.header.next_offset
        ids = np.array([cell_of(i) for i in range(offset, offset + events)])
        self.vector.reserve(CELLS)
        np.add.at(self.vector.array, ids, np.uint32(1))
        self.vector.touch(ids)
        self.log.append(np.arange(offset, offset + events, dtype="<u4").tobytes())
        writes: list[Write] = self.log.take_writes() + collect_writes([self.vector], 20)
        lengths = dict(self.header.lengths)
        for write in writes:
            lengths[write.string] = max(lengths.get(write.string, 0), write.position + len(write.data))
        self.header = Header(
            timezone="UTC",
            topic_id="t",
            next_offset=offset + events,
            first_offset=0,
            sequence=self.header.sequence + 1,
            previous=self.stored.state_id if self.stored else b"",
            lengths=lengths,
        )
        return encode_redo(state_id, self.header, writes, self.stored.header if self.stored else None)

    def checkpoint(self, events: int, rnd: random.Random) -> Answer:
        record = self.record(events, rnd.randbytes(16))
        answer = self.store.checkpoint(SLOT, self.stored, record)
        if answer is not Answer.OTHER:
            self.stored = record
        return answer


def store_of(server: LocalRedis) -> SlotStore:
    return SlotStore(redis.Redis.from_url(server.url, socket_timeout=30))


def newest_append_only_file(server: LocalRedis) -> Path:
    files = sorted(server.data_dir.rglob("*.incr.aof")) or sorted(server.data_dir.rglob("appendonly.aof"))
    return files[-1]


@pytest.fixture
def always_synced(local_redis: Callable[[], LocalRedis]) -> LocalRedis:
    server = local_redis()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("appendfsync", "always")
    return server


def test_a_torn_append_only_file_never_leaves_a_wrong_state(always_synced: LocalRedis) -> None:
    cycles = int(os.environ.get("TORN_CYCLES", "25"))
    rnd = random.Random(SEED)
    server, torn, furthest = always_synced, 0, 0
    for _ in range(cycles):
        writer = PlainWriter(store_of(server))
        writer.check()
        for _ in range(rnd.randrange(4)):
            assert writer.checkpoint(rnd.randrange(1, 60), rnd) is Answer.APPLIED
        furthest = max(furthest, writer.header.next_offset)
        server.kill()
        if rnd.random() < 0.6:
            file = newest_append_only_file(server)
            size, cut = file.stat().st_size, rnd.randrange(1, 2500)
            if size - cut > 200:
                os.truncate(file, size - cut)
                torn += 1
        server.start()
    PlainWriter(store_of(server)).check()
    print(f"{cycles} kill-restart cycles, {torn} with a torn file, seed {SEED}, offset {furthest}: no wrong state")
    assert torn > cycles // 4


def test_an_unchanged_resend_after_a_lost_reply_changes_nothing(local_redis: Callable[[], LocalRedis]) -> None:
    store = store_of(local_redis())
    writer = PlainWriter(store)
    record = writer.record(50, b"a" * 16)
    assert store.checkpoint(SLOT, None, record) is Answer.APPLIED
    assert store.checkpoint(SLOT, None, record) is Answer.ALREADY
    writer.stored = record
    following = writer.record(50, b"b" * 16)
    assert store.checkpoint(SLOT, record, following) is Answer.APPLIED
    assert store.checkpoint(SLOT, record, following) is Answer.ALREADY
    PlainWriter(store).check()


def test_a_checkpoint_from_a_fenced_worker_changes_nothing(local_redis: Callable[[], LocalRedis]) -> None:
    store, rnd = store_of(local_redis()), random.Random(SEED)
    zombie, owner = PlainWriter(store), PlainWriter(store)
    assert owner.checkpoint(30, rnd) is Answer.APPLIED
    before = store.stored(SLOT)
    assert zombie.checkpoint(99, rnd) is Answer.OTHER
    assert store.stored(SLOT) == before
    PlainWriter(store).check()


def test_a_rolled_back_redis_answers_other_and_heals_by_replay(
    local_redis: Callable[[], LocalRedis], tmp_path: Path
) -> None:
    server, rnd = local_redis(), random.Random(SEED)
    writer = PlainWriter(store_of(server))
    writer.checkpoint(30, rnd)
    server.stop()
    shutil.copytree(server.data_dir, tmp_path / "older")
    server.start()
    writer.store = store_of(server)
    assert writer.checkpoint(30, rnd) is Answer.APPLIED
    server.stop()
    shutil.rmtree(server.data_dir)
    shutil.copytree(tmp_path / "older", server.data_dir)
    server.start()
    writer.store = store_of(server)
    assert writer.checkpoint(30, rnd) is Answer.OTHER
    again = PlainWriter(store_of(server))
    assert again.header.next_offset == 30
    assert again.checkpoint(60, rnd) is Answer.APPLIED
    PlainWriter(store_of(server)).check()


def test_a_redis_that_is_down_is_no_answer(local_redis: Callable[[], LocalRedis]) -> None:
    server = local_redis()
    writer = PlainWriter(store_of(server))
    record = writer.record(10, b"a" * 16)
    server.kill()
    with pytest.raises(Unavailable):
        writer.store.checkpoint(SLOT, None, record)
    server.start()
    assert store_of(server).checkpoint(SLOT, None, record) is Answer.APPLIED


def test_a_flushed_script_cache_is_filled_again(local_redis: Callable[[], LocalRedis]) -> None:
    server, rnd = local_redis(), random.Random(SEED)
    writer = PlainWriter(store_of(server))
    writer.checkpoint(10, rnd)
    with redis.Redis.from_url(server.url) as client:
        client.script_flush()
    assert writer.checkpoint(10, rnd) is Answer.APPLIED
    PlainWriter(store_of(server)).check()


def test_a_snapshot_during_checkpoints_is_one_true_state(local_redis: Callable[[], LocalRedis]) -> None:
    server, rnd = local_redis(), random.Random(SEED)
    writer, reader = PlainWriter(store_of(server)), store_of(server)
    writer.checkpoint(10, rnd)

    def choose(_header: Header) -> list[str]:
        for _ in range(rnd.randrange(3)):
            writer.checkpoint(rnd.randrange(1, 40), rnd)
        return ["v", "g"]

    for _ in range(50):
        snapshot = reader.snapshot(SLOT, choose)
        assert snapshot is not None
        seen = PlainWriter.__new__(PlainWriter)
        seen.header, seen.held = snapshot.header, snapshot.strings
        seen.check()
