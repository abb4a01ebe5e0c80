"""What a worker says of itself is what happened, as counted from outside."""

import threading
import time
from datetime import date

import msgspec
import pytest
from confluent_kafka import Consumer, Message

from services.redis import LocalRedis
from stream.member import fetch as real_fetch
from tests.integration.live import DAY, Live, action
from tests.integration.told import Told, telling_worker
from tests.support import wait_until

LATE_DAY, FUTURE_DAY = "2025-06-20", "2099-01-01"


def test_counts_are_those_of_the_events_that_were_produced(live: Live) -> None:
    live.topics(actions=2)
    live.produce([action()] * 70)
    live.produce([action(day=LATE_DAY)] * 3)
    live.produce([b"no json"] * 5)
    live.produce([action(day=FUTURE_DAY)] * 4)
    live.produce([b'{"account_id": "acme"}'] * 2)
    live.produce([action()] * 11, partition=1)
    with telling_worker(live) as worker:
        worker.wait_value("stored_offset", 84)
        worker.wait_value("stored_offset", 11, partition=1)
        assert worker.value("events_counted_total") == 73
        assert worker.value("events_counted_total", partition=1) == 11
        assert worker.value("events_late_total") == 3
        rejects = {"malformed_json": 5, "timestamp_in_future": 4, "missing_field": 2}
        assert {name: worker.value("events_rejected_total", reason=name) for name in rejects} == rejects
        assert len([one for one in worker.samples() if one.startswith("engagement_worker_events_rejected")]) == 3
        worker.wait_value("log_end_offset", 84)
        worker.wait_value("lag_records", 0)
        worker.wait_value("lag_seconds", 0)
        newest = worker.value("newest_day_timestamp_seconds")
        assert newest == (date.fromisoformat(DAY) - date(1970, 1, 1)).days * 86_400
        header = live.header()
        assert header is not None
        assert worker.value("checkpoints_total", outcome="applied") == header.sequence
        assert worker.value("slot_bytes") == sum(header.lengths.values())


def test_all_checkpoints_are_in_the_distributions_of_their_time_and_size(live: Live) -> None:
    live.topics()
    live.produce([action()] * 10)
    with telling_worker(live) as worker:
        worker.wait_value("events_counted_total", 10)
        samples = worker.samples()
        applied = samples['engagement_worker_checkpoints_total{outcome="applied",partition="0",topic="actions"}']
        for name in ("seconds", "bytes"):
            assert samples[f'engagement_worker_checkpoint_{name}_count{{topic="actions"}}'] == applied
            assert samples[f'engagement_worker_checkpoint_{name}_bucket{{le="+Inf",topic="actions"}}'] == applied
        assert 0 < samples['engagement_worker_checkpoint_seconds_sum{topic="actions"}'] < 60
        assert samples['engagement_worker_checkpoint_bytes_sum{topic="actions"}'] > 100


def test_a_reload_after_anothers_write_is_counted_and_no_event_twice(live: Live) -> None:
    live.topics()
    live.produce([action()] * 10)
    with telling_worker(live) as worker:
        worker.wait_value("events_counted_total", 10)
        header = live.header()
        assert header is not None
        live.write(msgspec.structs.replace(header, sequence=header.sequence + 1))
        worker.wait_value("reloads_total", 1)
        live.produce([action()] * 5)
        worker.wait_value("events_counted_total", 15)
        live.assert_counted({"acme": 15})


def test_after_a_rebalance_each_worker_shows_the_lag_of_what_it_owns_and_the_counts_add_up(live: Live) -> None:
    live.topics(actions=4)
    with telling_worker(live) as first:
        for partition in range(4):
            live.produce([action()] * 10, partition=partition)
        for partition in range(4):
            first.wait_value("events_counted_total", 10, partition=partition)
        with telling_worker(live) as second:
            second.wait_ready()
            first.wait_ready()

            def owned(one: Told) -> set[int]:
                return {p for p in range(4) if one.value("stored_offset", partition=p) is not None}

            wait_until(lambda: owned(second) and owned(first) | owned(second) == {0, 1, 2, 3})
            stays, goes = owned(first), owned(second)
            assert not stays & goes
            assert first.samples()['engagement_worker_assigned_partitions{topic="actions"}'] == len(stays)
            assert first.samples()['engagement_worker_rebalances_total{kind="revoked"}'] >= 1
            moved = goes.pop()
            assert first.value("lag_seconds", partition=moved) is None
            live.produce([action()] * 4, partition=moved)
            second.wait_value("events_counted_total", 4, partition=moved)
            assert first.value("events_counted_total", partition=moved) == 10


@pytest.mark.parametrize(
    "chosen",
    ["{}", '{"partition.assignment.strategy": "range"}', '{"group.protocol": "consumer"}'],
    ids=["cooperative", "eager", "consumer protocol"],
)
def test_a_standby_without_partitions_is_ready(live: Live, chosen: str) -> None:
    live = live.given(ENGAGEMENT_KAFKA=chosen)
    live.topics()
    with telling_worker(live) as first, telling_worker(live) as second, telling_worker(live) as third:
        workers = (first, second, third)
        name = 'engagement_worker_assigned_partitions{topic="actions"}'
        # With the consumer protocol a member is ready before it knows its share, and while one joins nobody owns it.
        wait_until(
            lambda: (
                sorted(one.samples().get(name, 0) for one in workers) == [0, 0, 1]
                and not any(one.hindrances() for one in workers)
            ),
            what="one owner of three that are ready",
        )


def test_while_redis_is_down_a_worker_lives_but_is_not_ready_and_says_why(fragile: Live, own_redis: LocalRedis) -> None:
    fragile.topics()
    with telling_worker(fragile) as worker:
        worker.wait_ready()
        own_redis.kill()
        wait_until(lambda: any(reason.startswith("Redis at 127.0.0.1:") for reason in worker.hindrances()))
        worker.wait_value("partition_paused", 1)
        assert any(f"{fragile.slot()} waits: Redis gave no answer" in reason for reason in worker.hindrances())
        assert worker.alive()
        own_redis.start()
        worker.wait_ready()
        assert worker.value("partition_paused") == 0


def produced_between(live: Live, events: int) -> tuple[float, float]:
    """Produce so many; returns the moments before and after it, between which their timestamps are."""
    before = time.time()
    live.produce([action()] * events)
    return before, time.time()


def tells_age(worker: Told, produced: tuple[float, float]) -> bool:
    """Whether the worker tells a lag, which must be right; what it knew is soon too old to be told."""
    before, lag = time.time(), worker.value("lag_seconds")
    if lag is None:
        return False
    assert before - produced[1] - 0.01 <= lag <= time.time() - produced[0] + 0.01
    return True


def test_the_lag_of_records_that_redis_does_not_take_is_the_age_of_the_oldest(fragile: Live) -> None:
    fragile.topics()
    with telling_worker(fragile) as worker, fragile.client as client:
        worker.wait_ready()
        client.config_set("maxmemory", 1)
        produced = produced_between(fragile, 1)
        fragile.wait_said("waiting", error="OutOfMemory", slot=fragile.slot())
        for seconds in (1, 2, 3):
            wait_until(lambda since=seconds: time.time() >= produced[1] + since)  # type: ignore[misc]
            fragile.produce([action()])
            wait_until(lambda: tells_age(worker, produced), what="the lag")
        worker.wait_value("lag_records", 4)
        client.config_set("maxmemory", 0)
        worker.wait_value("lag_seconds", 0)


def test_records_that_a_paused_worker_does_not_fetch_are_lag_all_the_same(fragile: Live, own_redis: LocalRedis) -> None:
    fragile.topics()
    with telling_worker(fragile) as worker:
        fragile.produce([action()])
        worker.wait_value("events_counted_total", 1)
        own_redis.kill()
        worker.wait_value("partition_paused", 1)
        produced = produced_between(fragile, 7)
        worker.wait_value("lag_records", 7)
        for seconds in (2, 4):
            wait_until(lambda since=seconds: time.time() >= produced[1] + since)  # type: ignore[misc]
            wait_until(lambda: tells_age(worker, produced), what="the lag")
        own_redis.start()
        worker.wait_value("lag_seconds", 0)


def test_a_frozen_loop_is_dead_after_the_time_that_the_group_waits_for_a_member(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.topics()
    thawed = threading.Event()
    thawed.set()

    def fetch(consumer: Consumer, patience: float) -> list[Message]:
        thawed.wait()
        return real_fetch(consumer, patience)

    monkeypatch.setattr("stream.member.fetch", fetch)
    impatient = '{"max.poll.interval.ms": "12000", "session.timeout.ms": "12000"}'
    with telling_worker(live.given(ENGAGEMENT_KAFKA=impatient)) as worker:
        worker.wait_ready()
        thawed.clear()
        try:
            assert worker.alive()
            wait_until(lambda: not worker.alive(), what="the death of a frozen worker")
            assert "its loop has taken no step for" in worker.text("/livez")[1]
            assert any("no step" in reason for reason in worker.hindrances())
        finally:
            thawed.set()
        wait_until(worker.alive)
