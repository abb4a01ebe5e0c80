"""A checkpoint has room for so many bytes of day vectors; what does not fit waits for the next one."""

from collections.abc import Iterator

import pytest
import redis

from store.layout import SlotName
from store.slots import SlotStore
from stream import action_slot
from stream.owned import CHECKPOINT_SECONDS
from tests.property.generated_log import encoded
from tests.property.plain_slot import DAY_MS, Action, LogRecord, PlainRules, PlainSlot
from tests.unit.owning import LOST_REPLY, LossyStore, Worker, stored_figures

RULES = PlainRules(lateness_days=1, retention_days=400)
MOMENT = 20_500 * DAY_MS
DAYS = (300, 5, 299, 5, 120, 7, 300, 8, 8, 120, 9, 10)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


def log() -> list[LogRecord]:
    actions = [Action("a", "view", f"u{at}", None, MOMENT + day * DAY_MS) for at, day in enumerate(DAYS)]
    return [LogRecord(at, MOMENT + 400 * DAY_MS, encoded(action), action) for at, action in enumerate(actions)]


@pytest.mark.parametrize("losses", [[], [None, LOST_REPLY, None, None, LOST_REPLY]])
def test_a_batch_over_more_days_than_fit_is_counted_in_several_checkpoints(
    client: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch, losses: list[str | None]
) -> None:
    monkeypatch.setattr(action_slot, "MOST_BYTES", 1)  # room for one day at a time
    name, records = SlotName(prefix + "actions", 0), log()
    worker = Worker(LossyStore(client), name, records, RULES)
    worker.load()
    worker.store.losses = losses
    worker.read(len(records))
    for _ in range(8):
        worker.tick(CHECKPOINT_SECONDS)

    assert len(worker.store.sent) >= len(set(DAYS))
    assert stored_figures(client, name) == (len(records), PlainSlot(RULES).count(records).figures())


def test_an_owned_partition_without_records_has_a_slot(client: redis.Redis, prefix: str) -> None:
    name = SlotName(prefix + "actions", 0)
    worker = Worker(LossyStore(client), name, [], RULES)
    worker.load()
    worker.tick(CHECKPOINT_SECONDS)

    stored = SlotStore(client).stored(name)
    assert stored is not None
    assert stored.header.next_offset == 0
