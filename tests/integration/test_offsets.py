from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError
from store.layout import SlotName
from store.offsets import (
    LogBounds,
    high_watermarks,
    log_append_time,
    log_bounds,
    owners,
    partitions,
    topic_ids,
)
from tests.support import create_topics, delete_topics, wait_until


@pytest.fixture
def admin(kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka})


@pytest.fixture
def topic(prefix: str, create_topics: Callable[..., None]) -> str:
    create_topics(actions=2)
    return prefix + "actions"


def test_all_missing_topics_are_named_with_the_command_that_makes_them(admin: AdminClient, topic: str) -> None:
    with pytest.raises(
        EngagementError, match=rf"{topic}-a, {topic}-b; make them with `engagement-stream topics --create`"
    ):
        partitions(admin, [topic + "-b", topic, topic + "-a"])


def test_a_topic_made_anew_has_another_id(admin: AdminClient, kafka: str, prefix: str, topic: str) -> None:
    before = topic_ids(admin, [topic])
    delete_topics(kafka, prefix)

    def made() -> dict[str, str]:
        create_topics(kafka, {topic: 2})
        return topic_ids(admin, [topic])

    assert before != made()


def test_the_end_of_a_log_is_its_last_stable_offset(admin: AdminClient, kafka: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"1", partition=1)
    producer.flush(30)
    empty, slot = SlotName(topic, 0), SlotName(topic, 1)
    assert log_bounds(admin, [topic]) == {empty: LogBounds(0, 0), slot: LogBounds(0, 0)}
    assert high_watermarks(admin, [empty, slot]) == {empty: 0, slot: 1}
    producer.commit_transaction(30)
    wait_until(lambda: log_bounds(admin, [topic])[slot] == LogBounds(0, 2), what="record and marker")


def test_owners_are_the_members_of_the_group(admin: AdminClient, kafka: str, topic: str) -> None:
    assert owners(admin, topic, 30) == {}
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "client.id": "worker-7"})
    consumer.subscribe([topic])

    def owned() -> dict[SlotName, str]:
        consumer.poll(0.1)
        return owners(admin, topic, 30)

    found = wait_until(owned, what="an assignment")
    assert found.keys() == {SlotName(topic, 0), SlotName(topic, 1)}
    assert all(owner.startswith("worker-7 at ") for owner in found.values())
    consumer.close()
    wait_until(lambda: owners(admin, topic, 30) == {}, what="the member to leave")


def test_a_topic_says_who_sets_its_timestamps(admin: AdminClient, kafka: str, topic: str) -> None:
    create_topics(kafka, {topic + "-by-broker": 1}, {"message.timestamp.type": "LogAppendTime"})
    assert log_append_time(admin, topic + "-by-broker")
    assert not log_append_time(admin, topic)
