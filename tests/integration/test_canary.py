"""The canary sees what becomes of its events: how long they take, that none is lost, and that none is counted twice."""

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions

from services.redis import LocalRedis
from store.offsets import log_bounds
from stream.canary.picture import readiness, waiting
from tests.integration.flown import Flown, command, flying, prepare, tampered
from tests.integration.live import Live, action
from tests.support import wait_until

ROOT = Path(__file__).parents[2]


def test_events_of_every_partition_are_counted_and_their_delay_is_known(live: Live) -> None:
    prepare(live, actions=3)
    live.produce([action()] * 50, partition=1)
    began = time.monotonic()
    with flying(live) as flown:
        flown.until(lambda: flown.canary.seen.rounds >= 3 and flown.canary.waits_for_none, "three rounds")
        for partition in range(3):
            path = flown.path(partition)
            assert path.sent == path.counted == flown.canary.seen.rounds
            assert 0 < path.delays.total / path.counted < time.monotonic() - began
            assert (path.difference, path.wrong, path.failed) == (0, 0, 0)
        assert readiness(flown.canary.seen, time.monotonic()).well


@pytest.mark.parametrize("timezone", ["Pacific/Auckland", "Pacific/Pago_Pago"])
def test_days_are_those_of_the_configured_time_zone(live: Live, timezone: str) -> None:
    prepare(live)
    with flying(live.given(ENGAGEMENT_TIMEZONE=timezone)) as flown:
        flown.counts(3)
        assert flown.path().difference == 0


def test_without_a_worker_an_event_waits_longer_and_longer_until_there_is_one(live: Live) -> None:
    prepare(live)
    with flying(live) as flown:
        flown.counts(2)
    flown.until(lambda: waiting(flown.path(), time.monotonic()) > 2, "an event that waits")
    assert waiting(flown.path(), time.monotonic() + 100) > 102
    assert "not counted after" in readiness(flown.canary.seen, time.monotonic() + 100).reasons[0]
    with live.worker():
        flown.settles()
    assert waiting(flown.path(), time.monotonic()) == 0
    assert flown.path().delays.total > 2
    assert not flown.wrong


def test_a_transaction_that_stays_open_is_no_lag_but_events_behind_it_wait(live: Live) -> None:
    prepare(live)
    open_one = Producer(
        {"bootstrap.servers": live.settings.kafka_bootstrap_servers, "transactional.id": live.slot().topic}
    )
    with flying(live) as flown:
        flown.counts(2)
        open_one.init_transactions(30)
        open_one.begin_transaction()
        open_one.produce(live.slot().topic, action(), partition=0)
        open_one.flush(30)
        flown.until(lambda: waiting(flown.path(), time.monotonic()) > 3, "an event that waits")
        wait_until(
            lambda: log_bounds(live.admin, [live.slot().topic])[live.slot()].end == live.next_offset(),
            what="all before the transaction",
        )
        open_one.abort_transaction(30)
        flown.counts(2)
        assert not flown.wrong


@pytest.mark.parametrize(("by", "words"), [(1, "1 more than the canary sent"), (-2, "2 fewer than the canary sent")])
def test_a_count_that_was_changed_in_redis_is_wrong(live: Live, by: int, words: str) -> None:
    prepare(live, actions=2)
    with flying(live) as flown:
        flown.counts(3)
        flown.counts(3, partition=1)
        flown.settles()
    tampered(live, newest_day(live), by)
    with live.worker():
        flown.counts(2)
        flown.counts(2, partition=1)
        assert flown.wrong == {0: words}
        assert (flown.path().wrong, flown.path(1).wrong) == (1, 0)
        assert live.said("wrong count", slot=str(live.slot()), found=words)
        assert words in readiness(flown.canary.seen, time.monotonic()).reasons[0]


def newest_day(live: Live) -> int:
    header = live.header()
    assert header is not None
    return header.newest_day


def test_events_that_are_rejected_are_missing_in_the_count(live: Live) -> None:
    prepare(live)
    live.produce([action("first")])
    full = live.given(ENGAGEMENT_MAX_ACCOUNTS="1")
    with full.worker():
        live.wait_stored(1)
        flown = Flown(live)
        flown.canary.start()
        flown.counts(3)
        assert flown.path().difference == 1 - flown.path().counted


def test_a_slot_that_is_counted_again_is_right_all_the_way(live: Live) -> None:
    prepare(live)
    live.produce([action("other")] * 100)
    with flying(live) as flown:
        flown.counts(3)
        flown.settles()
    live.wait_left()  # what is owned is refused
    rebuilt = command(live, "rebuild", "--topic", "actions")
    assert rebuilt.returncode == 0, rebuilt.stderr
    flown.canary.send()
    flown.canary.look()
    assert not flown.canary.waits_for_none
    with live.worker():
        flown.counts(3)
        assert (flown.path().difference, flown.path().wrong) == (0, 0)


def test_a_redis_that_was_rolled_back_is_right_all_the_way(live: Live) -> None:
    prepare(live)
    with flying(live) as flown:
        flown.counts(3)
        flown.settles()
    client, slot = live.client, live.slot()
    older = {key: client.dump(key) or b"" for key in client.scan_iter(f"{slot.tag}*")}
    with live.worker():
        flown.counts(4)
        flown.settles()
    for key in client.scan_iter(f"{slot.tag}*"):
        client.delete(key)
    for key, value in older.items():
        client.restore(key, 0, value)
    with live.worker():
        flown.counts(3)
        assert (flown.path().difference, flown.path().wrong) == (0, 0)


def test_a_canary_that_starts_again_takes_what_is_there_for_right(live: Live) -> None:
    prepare(live)
    with flying(live) as first:
        first.counts(3)
        live.wait_stored(1, topic="accounts")  # which has another owner, and may come later
        second = Flown(live)
        second.canary.start()
        second.counts(3)
        assert second.path().difference == 0
        assert len(live.said("account record sent")) == 1


def test_two_under_one_name_find_the_events_of_each_other(live: Live) -> None:
    prepare(live)
    with flying(live) as first:
        first.counts(2)
        second = Flown(live)
        second.counts(2)
        second.settles()  # else the first one may find an event of which the second has not heard yet
        first.counts(2)
        assert first.path().difference == second.path().counted


def test_partitions_that_are_added_get_events_too(live: Live) -> None:
    prepare(live)
    with flying(live) as flown:
        flown.counts(1)
        admin, topic = live.admin, live.slot().topic
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result()
        flown.until(lambda: live.slot(1) in flown.canary.seen.paths, "the new partition")
        flown.until(lambda: flown.path(1).sent >= 2, "events in it")


def test_while_redis_is_away_the_canary_waits_and_then_goes_on(fragile: Live, own_redis: LocalRedis) -> None:
    prepare(fragile)
    with flying(fragile) as flown:
        flown.counts(2)
        own_redis.stop()
        flown.until(lambda: "redis" in flown.canary.seen.failing, "an error")
        assert flown.canary.seen.errors["redis"] >= 1
        own_redis.start()
        flown.counts(3)
        assert "redis" not in flown.canary.seen.failing
        assert not flown.wrong
