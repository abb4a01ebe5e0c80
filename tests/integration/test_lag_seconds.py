"""The lag in seconds against the truth from the timestamps of the records, as scraped from a real exporter."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from store.group_logs import read_group
from store.layout import Header, SlotName
from store.offsets import log_bounds, topic_ids
from store.record_times import Oldest, RecordTimes, Uncounted
from tests.integration.live import Live, action
from tests.integration.scraped import Comparison, committed_records, exporter
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
LOG_APPEND = "LogAppendTime"
Rows = list[tuple[str, int, float, float]]


@pytest.fixture(scope="module")
def table() -> Iterator[Rows]:
    """Pattern, samples, worst truth, worst error; printed at the end."""
    rows: Rows = []
    yield rows
    print(f"\n{'pattern':<24}{'samples':>8}{'largest lag':>13}{'worst error':>13}")
    for pattern, samples, largest, worst in rows:
        print(f"{pattern:<24}{samples:>8}{largest:>11.2f} s{worst:>11.3f} s")


@contextmanager
def worker(live: Live) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "stream.cli", "run"]
    process = subprocess.Popen(command, cwd=ROOT, env=live.environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(60)


@contextmanager
def compared(live: Live, table: Rows, pattern: str) -> Iterator[Comparison]:
    """Samples that are taken in the block are right to max(1 s, 5 %)."""
    with exporter(live) as running:
        comparison = Comparison(live, running)
        yield comparison
        errors = comparison.errors()
    table.append((pattern, len(errors), max(truth for _, truth in errors), max(error for error, _ in errors)))
    assert [one for one in errors if one[0] > max(1.0, 0.05 * one[1])] == []


def during(seconds: float, *steps: Callable[[], object]) -> None:
    """Take the steps again and again, once at least."""
    deadline = time.monotonic() + seconds
    while True:
        for step in steps:
            step()
        if time.monotonic() > deadline:
            return


def counted(live: Live, partitions: int = 1) -> bool:
    bounds = log_bounds(live.admin, [live.slot().topic])
    return all(live.next_offset(n) == bounds[live.slot(n)].end for n in range(partitions))


def owners_of(live: Live) -> int:
    found = read_group(live.admin, [live.slot().topic], live.settings.group_id).owners
    return len(set(found.values())) if found else 0


def sample_until_counted(comparison: Comparison, partitions: int = 1) -> None:
    def done() -> bool:
        comparison.sample()
        return counted(comparison.live, partitions)

    wait_until(done, what="the end of the log")  # where a worker went, the group may find out by the session's end


def produce(live: Live, records: int, partitions: int = 1) -> None:
    for partition in range(partitions):
        live.produce([action(f"acme {n}") for n in range(records)], partition)


def test_steady(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    with worker(live), compared(live, table, "steady") as comparison:
        during(6, lambda: produce(live, 10), comparison.sample)
        sample_until_counted(comparison)


def test_burst(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    with worker(live), compared(live, table, "burst") as comparison:
        for _ in range(3):
            produce(live, 20_000)
            sample_until_counted(comparison)


def test_stalled_worker(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    with worker(live) as process, compared(live, table, "stalled worker") as comparison:
        produce(live, 10)
        wait_until(lambda: counted(live))
        os.kill(process.pid, signal.SIGSTOP)

        def lagging() -> bool:
            produce(live, 5)
            comparison.sample()
            return comparison.samples[-1][1][live.slot()] > 9

        wait_until(lagging, what="a lag of 9 s")
        os.kill(process.pid, signal.SIGCONT)
        sample_until_counted(comparison)
    assert max(truth for _, truth in comparison.errors()) > 8


def test_idle_topic(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    with worker(live), compared(live, table, "idle topic") as comparison:
        produce(live, 10)
        wait_until(lambda: counted(live))
        during(3, comparison.sample)
    assert {value for _, values, _ in comparison.samples for value in values.values()} == {0.0}


def test_rebalance(live: Live, table: Rows) -> None:
    live.topics(actions=4, message_timestamp_type=LOG_APPEND)
    with worker(live), compared(live, table, "rebalance") as comparison:
        during(2, lambda: produce(live, 5, 4), comparison.sample)
        with worker(live):

            def shared() -> bool:
                during(0.5, lambda: produce(live, 5, 4), comparison.sample)
                return owners_of(live) == 2

            wait_until(shared, what="two owners")
            during(2, lambda: produce(live, 5, 4), comparison.sample)
        during(4, lambda: produce(live, 5, 4), comparison.sample)
        sample_until_counted(comparison, 4)


def test_no_worker_at_all(live: Live, table: Rows) -> None:
    live.topics(actions=2, message_timestamp_type=LOG_APPEND)
    with compared(live, table, "no worker") as comparison:
        during(4, lambda: produce(live, 3), comparison.sample)


class Transactions:
    """A producer of actions in transactions, one after the other."""

    def __init__(self, live: Live) -> None:
        self._live = live
        servers, name = live.settings.kafka_bootstrap_servers, live.settings.topic_prefix + "t"
        self._producer = Producer({"bootstrap.servers": servers, "transactional.id": name})
        self._producer.init_transactions(30)

    def begin(self) -> None:
        self._producer.begin_transaction()
        for _ in range(5):
            self._producer.produce(self._live.slot().topic, value=action(), partition=0)
        assert self._producer.flush(30) == 0

    def commit(self) -> None:
        self._producer.commit_transaction(30)

    def abort(self) -> None:
        self._producer.abort_transaction(30)


def test_open_transaction_at_the_end(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    transactions = Transactions(live)
    with worker(live) as process, compared(live, table, "open transaction") as comparison:
        transactions.begin()
        transactions.commit()
        wait_until(lambda: live.next_offset() == 6)
        transactions.begin()
        during(3, comparison.sample)
        assert comparison.samples[-1][1][live.slot()] == 0.0
        os.kill(process.pid, signal.SIGSTOP)
        transactions.commit()  # its records are old at once
        wait_until(lambda: log_bounds(live.admin, [live.slot().topic])[live.slot()].end == 12)
        during(2, comparison.sample)
        assert comparison.samples[-1][1][live.slot()] > 3
        os.kill(process.pid, signal.SIGCONT)
        sample_until_counted(comparison)


def stand_at(live: Live, offset: int) -> None:
    topic = live.slot().topic
    live.write(Header("UTC", topic_ids(live.admin, [topic])[topic], offset, 0))


@pytest.mark.parametrize(
    ("offset", "pattern"), [(0, "aborted in front"), (5, "marker, then aborted"), (12, "aborted, then records")]
)
def test_aborted_records_and_markers_have_no_age(live: Live, table: Rows, offset: int, pattern: str) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    transactions = Transactions(live)
    for end in (transactions.abort, transactions.abort, transactions.abort, transactions.commit):
        transactions.begin()
        end()
    wait_until(lambda: log_bounds(live.admin, [live.slot().topic])[live.slot()].end == 24)
    with compared(live, table, pattern) as comparison:
        stand_at(live, offset)
        during(2, comparison.sample)
        assert min(comparison.samples[-1][1].values()) > 0


def test_markers_at_the_end_are_no_events_that_wait(live: Live, table: Rows) -> None:
    live.topics(message_timestamp_type=LOG_APPEND)
    transactions = Transactions(live)
    for end in (transactions.commit, transactions.abort):
        transactions.begin()
        end()
    wait_until(lambda: log_bounds(live.admin, [live.slot().topic])[live.slot()].end == 12)
    with compared(live, table, "markers at the end") as comparison:
        stand_at(live, 5)
        during(1.5, comparison.sample)
        assert comparison.samples[-1][1][live.slot()] == 0.0
        assert comparison.exporter.value("engagement_partition_lag_records", topic=live.slot().topic) == 7


def test_what_compaction_removed_has_no_age(live: Live, table: Rows) -> None:
    live.topics(
        message_timestamp_type=LOG_APPEND, cleanup_policy="compact", segment_ms="100", min_cleanable_dirty_ratio="0.0"
    )
    topic, producer = live.slot().topic, Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers})
    stand_at(live, 0)

    def compacted() -> bool:
        producer.produce(topic, key=b"k", value=action(), partition=0)
        producer.flush(30)
        return committed_records(live, log_bounds(live.admin, [topic]))[live.slot()][0][0] > 0

    wait_until(compacted, 150, "the log cleaner")
    with compared(live, table, "compaction gap") as comparison:
        during(1, comparison.sample)
    assert committed_records(live, log_bounds(live.admin, [topic]))[live.slot()][0][0] > 0


def question(live: Live, start: int) -> dict[SlotName, Uncounted]:
    bounds = log_bounds(live.admin, [live.slot().topic])
    return {slot: Uncounted("id", start, log.end) for slot, log in bounds.items()}


def test_a_slot_that_stands_still_costs_one_read(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.record_times.READ_SECONDS", 60.0)  # what is not read in time is read again
    live.topics(actions=3)
    produce(live, 4, 3)
    times = RecordTimes(live.settings)
    first = times.oldest(question(live, 1))
    assert len(first) == 3
    produce(live, 4, 3)
    assert times.oldest(question(live, 1)) == first
    assert times.reads == 3
    assert times.oldest(question(live, 8)) == dict.fromkeys(first, Oldest(None))
    assert times.reads == 3
    assert times.oldest(question(live, 5)) != first
    assert times.reads == 6
    times.close()


def test_a_broker_that_is_away_makes_the_age_unknown(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.topics()
    produce(live, 2)
    wanted = question(live, 0)
    monkeypatch.setattr("store.record_times.READ_SECONDS", 1.0)
    away = live.given(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert RecordTimes(away.settings).oldest(wanted) == {}
