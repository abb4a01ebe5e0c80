"""A partition whose counters and whose log are both gone is a loss, and is told as one."""

import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.acceptance.engine import Engine, action_puts, produce
from tests.acceptance.published import manifests


def test_a_slot_that_is_lost_with_its_log_is_not_published_as_one_that_never_counted(
    engine: Engine, redis_url: str
) -> None:
    engine.create_topics(1)
    actions = [{"account_id": "acme", "action": "click", "timestamp": "2024-05-01T10:00:00Z"}]
    produce(engine.kafka, action_puts(engine.prefix, actions))
    with engine.workers(1):
        engine.daily("2024-05-01")
    name = engine.prefix + "actions"
    empty_log(engine.kafka, name)
    lose_slots(redis_url, name)
    for flags in ((), ("--dry-run",)):
        finished = engine.jobs("daily", "--as-of", "2024-05-01", *flags)
        assert (finished.code, finished.out) == (1, "")
        assert f"{name}/0: Redis has no slot" in finished.error
        assert "rebuild --topic actions --partition 0" in finished.error
    assert len(manifests(engine)) == 1
    assert engine.stream("rebuild", "--topic", "actions", "--partition", "0", "--force").code == 0
    with engine.workers(1):
        assert engine.daily("2024-05-02") == []


def empty_log(kafka: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    for deleted in admin.delete_records([TopicPartition(topic, 0, -1)]).values():
        deleted.result(30)


def lose_slots(url: str, topic: str) -> None:
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(f"*{topic}*"))
        assert keys
        client.delete(*keys)
