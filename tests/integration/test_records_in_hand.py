"""Records belong to the assignment they were fetched under, and no callback of the group reads or raises."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions

from services.redis import LocalRedis
from stream.action_slot import ActionSlot
from stream.assignment import Assignment
from tests.integration.driven import Driven
from tests.integration.live import Live, action
from tests.integration.rolling import keep_copy, roll_back
from tests.support import wait_until


@pytest.fixture
def stored_60_of_100(live: Live) -> Live:
    """100 actions, of which Redis holds the first 60."""
    live.topics()
    live.produce([action()] * 60)
    with live.worker():
        live.wait_stored(60)
    live.produce([action()] * 40)
    return live


def interruptions(driven: Driven, live: Live) -> dict[str, Callable[[], None]]:
    place = TopicPartition(live.slot().topic, live.slot().partition)

    def foreign_write() -> None:
        header = live.header()
        assert header is not None
        live.write(header)
        driven.store()

    def revoked() -> None:
        driven.assignment.on_revoke(driven.consumer, [place])
        driven.assign()

    def lost() -> None:
        driven.assignment.on_lost(driven.consumer, [place])
        driven.assign()

    return {"reload": foreign_write, "revoked": revoked, "lost": lost}


@pytest.mark.parametrize("how", ["reload", "revoked", "lost"])
def test_records_fetched_before_a_slot_is_loaded_again_are_dropped(stored_60_of_100: Live, how: str) -> None:
    live = stored_60_of_100
    driven = Driven(live)
    try:
        driven.fetch(10)  # 60 to 69 get lost, so that 70 to 99 would leave a gap if they were counted
        in_hand, fetched_under = driven.fetch(30)
        interruptions(driven, live)[how]()
        assert driven.assignment.generations() == {}
        driven.load()
        driven.assignment.take(in_hand, fetched_under)
        driven.store()
        assert live.next_offset() == 60
        driven.assignment.take(*driven.fetch(40))
        driven.store()
        live.assert_counted({"acme": 100})
    finally:
        driven.consumer.close()


def test_records_that_are_counted_already_are_not_counted_again(stored_60_of_100: Live) -> None:
    live = stored_60_of_100
    driven = Driven(live)
    try:
        first, generations = driven.fetch(40)
        driven.assignment.take(first[:30], generations)
        driven.assignment.take(first[10:], generations)
        driven.store()
        live.assert_counted({"acme": 100})
    finally:
        driven.consumer.close()


def test_records_in_hand_are_dropped_when_redis_comes_back_with_an_older_state(
    fragile: Live, own_redis: LocalRedis
) -> None:
    fragile.topics()
    fragile.produce([action()] * 40)
    with fragile.worker():
        fragile.wait_stored(40)
        fragile.wait_settled()
    older = keep_copy(own_redis)
    fragile.produce([action()] * 60)
    with fragile.worker():
        fragile.wait_stored(100)
    with fragile.worker():
        fragile.wait_said("slot loaded", times=3, slot=fragile.slot())
        own_redis.kill()
        fragile.produce([action()] * 50)  # cannot be counted: what that day's counters are is in Redis
        fragile.wait_said("waiting", slot=fragile.slot())
        roll_back(own_redis, older)
        fragile.wait_stored(150)
    fragile.assert_counted({"acme": 150})


def test_a_partition_that_is_assigned_while_redis_is_down_is_loaded_later(fragile: Live, own_redis: LocalRedis) -> None:
    live = fragile.given(ENGAGEMENT_KAFKA=json.dumps({"topic.metadata.refresh.interval.ms": 200}))
    live.topics()
    with live.worker() as worker:
        live.produce([action()] * 10)
        live.wait_stored(10)
        own_redis.stop()
        admin, topic = live.admin, live.slot().topic
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result()
        live.wait_said("partitions assigned", partitions=live.slot(1))
        live.wait_said("waiting to load slots")
        live.produce([action()] * 20, partition=1)
        assert worker.alive
        own_redis.start()
        live.wait_stored(20, partition=1)
        live.assert_counted({"acme": 10})
        live.assert_counted({"acme": 20}, partition=1)


def test_an_exception_out_of_a_callback_ends_the_worker(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of the callback")

    live.topics()
    monkeypatch.setattr(Assignment, "on_assign", broken)
    with live.worker() as worker:
        wait_until(lambda: not worker.alive, what="the end of the worker")
    assert isinstance(worker.error, RuntimeError)


def test_a_batch_that_is_counted_by_half_is_never_stored(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = ActionSlot._advance  # noqa: SLF001  the step between counting a batch and moving the offset past it
    failures = iter([MemoryError("once")])

    def fails_once(slot: ActionSlot, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  whatever it takes
        for failure in failures:
            raise failure
        advance(slot, *args, **kwargs)

    live.topics()
    live.produce([action()] * 100)
    monkeypatch.setattr(ActionSlot, "_advance", fails_once)
    with live.worker() as worker:
        wait_until(lambda: not worker.alive, what="the end of the worker")
    assert isinstance(worker.error, MemoryError)
    with live.worker():
        live.wait_stored(100)
    live.assert_counted({"acme": 100})
