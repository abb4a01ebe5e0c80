from collections.abc import Callable, Mapping
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.exits import Unavailable
from schemas.settings import load_settings
from services.server import free_port
from store.committed import Committed
from store.layout import SlotName


def test_committed_offsets_are_those_of_the_group_and_nothing_where_there_is_none(
    settings_env: Mapping[str, str], create_topics: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.committed.ANSWER_SECONDS", 60.0)  # the broker makes its topic of offsets for the first
    create_topics(actions=2)
    settings = load_settings(settings_env)
    topic = settings.topics.actions
    slots = [SlotName(topic, 0), SlotName(topic, 1)]
    with closing(Committed(settings)) as group:
        assert group.offsets(slots) == {}
        address = settings_env["KAFKA_BOOTSTRAP_SERVERS"]
        consumer = Consumer({"bootstrap.servers": address, "group.id": settings.group_id})
        consumer.commit(offsets=[TopicPartition(topic, 1, 7)], asynchronous=False)
        consumer.close()
        assert group.offsets(slots) == {slots[1]: 7}
        assert group.offsets([]) == {}


def test_no_answer_is_not_taken_for_no_offsets(
    settings_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.committed.ANSWER_SECONDS", 0.5)
    settings = load_settings({**settings_env, "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"})
    with closing(Committed(settings)) as group, pytest.raises(Unavailable, match=settings.group_id):
        group.offsets([SlotName(settings.topics.actions, 0)])
