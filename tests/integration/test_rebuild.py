import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from schemas.exits import Unavailable
from schemas.settings import Settings, load_settings
from store.connect import connect_redis, kafka_admin
from store.layout import ACCOUNTS, BEING_EMPTIED, LAYOUT_VERSION, STATE_ID_BYTES, Gap, Header, SlotName
from store.offsets import LogBounds, topic_ids
from store.redo import Write, encode_redo
from store.slots import Answer, SlotStore
from stream.guard import Surroundings, check_header
from stream.rebuild import Partition, rebuild
from tests.support import delete_records, wait_until

ROOT = Path(__file__).parents[2]
EVENTS = 30


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(actions=2, accounts=1, rejects=1)
    loaded = load_settings(settings_env)
    producer = Producer({"bootstrap.servers": loaded.kafka_bootstrap_servers})
    for _ in range(EVENTS):
        producer.produce(loaded.topics.actions, value=b"{}", partition=0)
    assert producer.flush(30) == 0
    return loaded


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect_redis(settings) as client:
        yield client


@pytest.fixture
def admin(settings: Settings) -> AdminClient:
    return kafka_admin(settings)


@pytest.fixture
def slot(settings: Settings) -> SlotName:
    return SlotName(settings.topics.actions, 0)


@pytest.fixture
def header(settings: Settings, admin: AdminClient) -> Header:
    """A slot that has counted all there is, with a table in it."""
    topic_id = topic_ids(admin, [settings.topics.actions])[settings.topics.actions]
    return Header(
        timezone="UTC", topic_id=topic_id, next_offset=EVENTS, first_offset=0, counted=EVENTS, lengths={ACCOUNTS: 4}
    )


def put(client: redis.Redis, slot: SlotName, header: Header) -> None:
    """Store two checkpoints, so that the table is in its own key too and not in the redo record alone."""
    store = SlotStore(client)
    first = encode_redo(os.urandom(STATE_ID_BYTES), header, [Write(ACCOUNTS, 0, b"\1a\1b")], None)
    assert store.checkpoint(slot, None, first) is Answer.APPLIED
    second = encode_redo(
        os.urandom(STATE_ID_BYTES), msgspec.structs.replace(header, previous=first.state_id), [], header
    )
    assert store.checkpoint(slot, first, second) is Answer.APPLIED


def stream(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)


def refused(done: "subprocess.CompletedProcess[str]", code: int = 1) -> str:
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    return done.stderr


def stored(client: redis.Redis, slot: SlotName) -> Header:
    record = SlotStore(client).stored(slot)
    assert record is not None
    return record.header


def test_a_rebuilt_slot_is_empty_and_stands_at_the_start_of_its_log(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    done = stream(settings_env, "rebuild", "--partition", "0")
    assert (done.returncode, done.stderr) == (0, "")
    now = stored(client, slot)
    assert (now.next_offset, now.first_offset, now.counted, now.lengths) == (0, 0, 0, {})


def test_what_a_rebuilt_slot_held_does_not_show_through_in_the_next_checkpoints(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    assert stream(settings_env, "rebuild", "--partition", "0").returncode == 0
    store = SlotStore(client)
    emptied = store.stored(slot)
    assert emptied is not None
    wider = msgspec.structs.replace(emptied.header, lengths={ACCOUNTS: 4})
    last = encode_redo(os.urandom(STATE_ID_BYTES), wider, [Write(ACCOUNTS, 3, b"z")], emptied.header)
    assert store.checkpoint(slot, emptied, last) is Answer.APPLIED
    assert bytes(store.read(slot, last, [ACCOUNTS])[ACCOUNTS]) == b"\0\0\0z"


def test_without_a_header_leftover_strings_are_deleted(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    client.set(slot.redo_key, b"foreign")
    other = SlotName(slot.topic, 1)
    client.set(other.chunk_key(ACCOUNTS, 0), b"of another slot")
    assert stream(settings_env, "rebuild", "--partition", "0").returncode == 0
    assert client.keys(f"{slot.tag}*") == [slot.redo_key.encode()]
    assert client.get(other.chunk_key(ACCOUNTS, 0)) == b"of another slot"


def test_a_slot_whose_first_records_are_gone_is_not_rebuilt_unless_forced(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    delete_records(settings_env["KAFKA_BOOTSTRAP_SERVERS"], slot.topic, slot.partition, 10)
    assert "no longer reaches back" in refused(stream(settings_env, "rebuild", "--partition", "0"))
    assert stored(client, slot).counted == EVENTS
    assert stream(settings_env, "rebuild", "--partition", "0", "--force").returncode == 0
    assert (stored(client, slot).next_offset, stored(client, slot).first_offset) == (10, 10)


def test_an_owned_slot_is_not_rebuilt_unless_forced(
    settings_env: dict[str, str], settings: Settings, client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    member = Consumer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": settings.group_id, "client.id": "a-worker"}
    )
    try:
        member.subscribe([settings.topics.actions])

        def assigned() -> bool:
            member.poll(0.1)
            return len(member.assignment()) == 2

        wait_until(assigned)
        assert "is owned by a-worker" in refused(stream(settings_env, "rebuild"))
        assert stored(client, slot).counted == EVENTS
        assert stream(settings_env, "rebuild", "--force").returncode == 0
        assert stored(client, slot).counted == 0
    finally:
        member.close()


def test_all_slots_of_a_topic_are_rebuilt_where_no_partition_is_named(
    settings_env: dict[str, str], client: redis.Redis, settings: Settings
) -> None:
    assert stream(settings_env, "rebuild").stdout.count("is counted again from offset 0") == 2
    assert stream(settings_env, "rebuild", "--topic", "accounts").stdout.count("is counted again from offset 0") == 1
    assert stored(client, SlotName(settings.topics.accounts, 0)).next_offset == 0


def test_a_partition_that_does_not_exist_is_wrong_usage(settings_env: dict[str, str], settings: Settings) -> None:
    assert settings.topics.actions in refused(stream(settings_env, "rebuild", "--partition", "2"), code=2)


def test_a_gap_is_accepted_with_the_figures_kept_and_noted(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, msgspec.structs.replace(header, next_offset=5))
    delete_records(settings_env["KAFKA_BOOTSTRAP_SERVERS"], slot.topic, slot.partition, 10)
    done = stream(settings_env, "accept-gap", "--partition", "0")
    assert (done.returncode, done.stderr) == (0, "")
    now = stored(client, slot)
    assert (now.next_offset, now.counted, now.gaps) == (10, EVENTS, (Gap(5, 10),))
    snapshot = SlotStore(client).snapshot(slot, lambda _: [ACCOUNTS])
    assert snapshot is not None
    assert bytes(snapshot.strings[ACCOUNTS]) == b"\1a\1b"
    assert "has no gap" in refused(stream(settings_env, "accept-gap", "--partition", "0"))


def test_records_that_were_replaced_by_others_are_a_gap_too(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, msgspec.structs.replace(header, next_offset=20, leader_epoch=5))
    assert stream(settings_env, "accept-gap", "--partition", "0").returncode == 0
    now = stored(client, slot)
    assert (now.next_offset, now.leader_epoch, now.gaps) == (20, None, (Gap(20, 20),))


def test_a_slot_that_stands_within_its_log_has_no_gap_to_accept(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, msgspec.structs.replace(header, leader_epoch=0))
    assert "has no gap" in refused(stream(settings_env, "accept-gap", "--partition", "0"))
    assert "nothing stored" in refused(stream(settings_env, "accept-gap", "--partition", "1"))


def test_a_gap_is_not_accepted_into_a_slot_of_another_layout(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, msgspec.structs.replace(header, layout=LAYOUT_VERSION + 1))
    before = client.get(slot.redo_key)
    assert "Redis holds layout" in refused(stream(settings_env, "accept-gap", "--partition", "0"))
    assert client.get(slot.redo_key) == before


def test_lag_is_told_from_redis_and_the_broker_alone(
    settings_env: dict[str, str], client: redis.Redis, settings: Settings, slot: SlotName, header: Header
) -> None:
    put(client, slot, msgspec.structs.replace(header, next_offset=EVENTS - 7))
    done = stream(settings_env, "lag", "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["topic"], one["partition"], one["log_end"], one["stored_offset"], one["lag"]) for one in rows] == [
        (settings.topics.accounts, 0, 0, None, 0),
        (settings.topics.actions, 0, EVENTS, EVENTS - 7, 7),
        (settings.topics.actions, 1, 0, None, 0),
    ]


def test_nobody_counts_into_a_slot_that_is_being_emptied(
    settings: Settings, client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    client.set(slot.redo_key, b"foreign")
    store, seen = SlotStore(client), list[bytes]()

    def ids() -> bytes:
        """Between the claim and the empty header a worker that found no slot tries to write its first checkpoint."""
        first = encode_redo(os.urandom(STATE_ID_BYTES), header, [Write(ACCOUNTS, 0, b"\1a\1b")], None)
        if seen:
            assert store.checkpoint(slot, None, first) is Answer.OTHER
            assert client.keys(f"{slot.tag}*") == [slot.redo_key.encode()]
        seen.append(os.urandom(STATE_ID_BYTES))
        return seen[-1]

    topic_id = topic_ids(kafka_admin(settings), [slot.topic])[slot.topic]
    rebuild(client, Partition(slot, LogBounds(0, EVENTS), topic_id, None), "UTC", ids)
    assert len(seen) == 2
    assert (stored(client, slot).layout, stored(client, slot).next_offset) == (LAYOUT_VERSION, 0)


def test_a_rebuild_that_was_cut_short_is_waited_for_and_can_be_run_again(
    settings_env: dict[str, str], client: redis.Redis, slot: SlotName, header: Header
) -> None:
    put(client, slot, header)
    client.delete(slot.redo_key)
    half = encode_redo(os.urandom(STATE_ID_BYTES), msgspec.structs.replace(header, layout=BEING_EMPTIED), [], None)
    client.set(slot.redo_key, half.encoded)
    rows = [json.loads(line) for line in stream(settings_env, "lag", "--output", "json").stdout.splitlines()]
    assert ["being emptied" in (row["note"] or "") for row in rows] == [False, True, False]
    around = Surroundings(header.topic_id, LogBounds(0, EVENTS))
    with pytest.raises(Unavailable, match="--partition 0` again"):
        check_header(slot, half.header, around, "UTC")
    assert stream(settings_env, "rebuild", "--partition", "0").returncode == 0
    assert client.keys(f"{slot.tag}*") == [slot.redo_key.encode()]
    assert stored(client, slot).layout == LAYOUT_VERSION
