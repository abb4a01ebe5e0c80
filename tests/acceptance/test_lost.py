"""A partition whose counters and whose log are both gone is a loss, and is told as one."""

import redis

from tests.acceptance.engine import Engine, action_puts, produce
from tests.acceptance.published import manifests
from tests.support import delete_records


def test_a_slot_that_is_lost_with_its_log_is_not_published_as_one_that_never_counted(
    engine: Engine, redis_url: str
) -> None:
    engine.create_topics(1)
    actions = [{"account_id": "acme", "action": "click", "timestamp": "2024-05-01T10:00:00Z"}]
    produce(engine.kafka, action_puts(engine.prefix, actions))
    with engine.workers(1):
        engine.daily("2024-05-01")
    name = engine.prefix + "actions"
    delete_records(engine.kafka, name, 0, -1)
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


def lose_slots(url: str, topic: str) -> None:
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(f"*{topic}*"))
        assert keys
        client.delete(*keys)
