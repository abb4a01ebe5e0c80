"""A slot that cannot go on is shown by the worker before it ends, and for as long as it lasts from outside."""

import threading

import msgspec
import pytest

from schemas.exits import Blocked, ConfigurationError, Obstacle
from store import metrics
from stream.health import hindrances
from stream.lag import read_lag
from stream.observed import Observed
from stream.worker import run_worker
from stream.worker_figures import worker_figures
from stream.worker_lag import Now
from stream.worker_state import Seen
from tests.integration.live import Live, action

NOW = Now(0.0, 0.0)


def ended(live: Live) -> Seen:
    """A worker that could not go on, as its command knows it."""
    observed = Observed()
    with pytest.raises((Blocked, ConfigurationError)):
        run_worker(live.settings, threading.Event(), observed)
    return Seen(1, observed.state(), running=False)


def shown(seen: Seen) -> dict[tuple[str, str], str]:
    """The blocked partitions by topic and number, with their reason."""
    samples = [sample for family in worker_figures([seen], NOW) for sample in family.samples]
    blocked = [one.labels for one in samples if one.name == metrics.PARTITION_BLOCKED.name and one.value == 1]
    return {(one["topic"], one["partition"]): one["reason"] for one in blocked}


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"topic_id": "another"}, Obstacle.OTHER_TOPIC),
        ({"layout": 99}, Obstacle.LAYOUT),
        ({"timezone": "Europe/Paris"}, Obstacle.TIMEZONE),
        ({"next_offset": 130}, Obstacle.PAST_END),
    ],
    ids=lambda value: str(value) if isinstance(value, Obstacle) else "",
)
def test_worker_and_exporter_name_the_same_reason(
    counted_100: Live, changes: dict[str, object], obstacle: Obstacle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.assignment.LOG_END_SECONDS", 0.2)
    header = counted_100.header()
    assert header is not None
    counted_100.write(msgspec.structs.replace(header, **changes))
    seen = ended(counted_100)
    slot = counted_100.slot()
    assert shown(seen) == {(slot.topic, "0"): obstacle}
    assert any(f"{slot} is blocked: " in reason for reason in hindrances([seen], NOW, 300.0))
    rows = read_lag(counted_100.admin, counted_100.client, counted_100.settings)
    assert [row.obstacle for row in rows if row.topic == slot.topic] == [obstacle]


def test_bytes_in_redis_that_are_no_slot_block_a_partition(counted_100: Live) -> None:
    slot = counted_100.slot()
    with counted_100.client as client:
        client.set(slot.redo_key, "somebody else's value, long enough for a header")
    assert shown(ended(counted_100)) == {(slot.topic, "0"): Obstacle.UNREADABLE}


def test_bytes_that_are_missing_in_redis_block_a_partition(counted_100: Live) -> None:
    with counted_100.worker():
        counted_100.produce([action()])
        counted_100.wait_stored(101)
    slot = counted_100.slot()
    with counted_100.client as client:
        assert client.delete(slot.chunk_key("users", 0)) == 1
    assert shown(ended(counted_100)) == {(slot.topic, "0"): Obstacle.UNREADABLE}


def test_records_that_were_replaced_block_a_partition(counted_100: Live) -> None:
    header = counted_100.header()
    assert header is not None
    counted_100.write(msgspec.structs.replace(header, leader_epoch=5))
    assert shown(ended(counted_100)) == {(counted_100.slot().topic, "0"): Obstacle.REPLACED}
