"""What is counted is stored before a partition goes, unless it is lost; Kafka's committed offset decides nothing."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.exits import Exit
from services.redis import LocalRedis
from store import connect
from stream import assignment, confirmed, owned, worker
from stream.assignment import Assignment
from tests.faults.proxy import RedisProxy
from tests.integration.live import Live, action
from tests.integration.watched import Watched, watched
from tests.support import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
BOUND_SECONDS = 20


@pytest.fixture
def never_due(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Watched]]:
    """No checkpoint becomes due by itself."""
    monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 1_000_000.0)
    with watched(monkeypatch) as consumer:
        yield consumer


def test_revoked_partitions_are_stored_before_the_next_owner_loads_them(live: Live, never_due: type[Watched]) -> None:
    live = live.given(ENGAGEMENT_KAFKA=json.dumps({"heartbeat.interval.ms": 300}))
    live.topics(actions=3)
    for partition in range(3):
        live.produce([action()] * 100, partition)
    with live.worker() as first:
        wait_until(lambda: len(never_due.taken) == 300, what="300 counted actions")
        assert [live.header(partition) for partition in range(3)] == [None] * 3
        with live.worker():
            live.wait_said("slot loaded", times=5)  # 4 by the first worker, then one of the actions by the second
            assert len(live.said("partitions revoked")) == 1
            gone = [name for name in live.said("partitions revoked")[0]["partitions"] if "actions" in name]
            assert gone
            for partition in range(3):
                wanted = 100 if str(live.slot(partition)) in gone else None
                assert live.next_offset(partition) == wanted
                assert live.said("slot loaded", slot=live.slot(partition))[-1]["offset"] == (wanted or 0)
            assert first.stop() is Exit.DONE
    for partition in range(3):
        live.assert_counted({"acme": 100}, partition)


def test_lost_partitions_are_let_go_without_a_write(
    live: Live, never_due: type[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that a machine which is busy for some seconds does not make the group lose the worker once more.
    missed = {"session.timeout.ms": 6_000, "max.poll.interval.ms": 6_000, "heartbeat.interval.ms": 300}
    short = live.given(ENGAGEMENT_KAFKA=json.dumps(missed))
    maintain, blocked, go_on = Assignment.maintain, threading.Event(), threading.Event()

    def blocks_once(assignment: Assignment) -> None:
        if len(never_due.taken) == 100 and not blocked.is_set():
            blocked.set()
            assert go_on.wait(2 * PATIENCE_SECONDS)
        maintain(assignment)

    monkeypatch.setattr(Assignment, "maintain", blocks_once)
    short.topics()
    short.produce([action()] * 100)
    with short.worker() as worker:
        try:
            assert blocked.wait(PATIENCE_SECONDS)
            wait_until(lambda: not short.members, what="the end of the session")
        finally:
            go_on.set()
        short.wait_said("partitions lost")
        short.wait_said("slot loaded", times=2, slot=short.slot())
        assert [line["offset"] for line in short.said("slot loaded", slot=short.slot())] == [0, 0]
        assert short.header() is None
        wait_until(lambda: len(never_due.taken) == 200, what="the same 100 actions again")
        assert worker.stop() is Exit.DONE
    short.assert_counted({"acme": 100})


def kafka_offset(live: Live) -> int | None:
    return live.committed.get(live.slot())


def test_kafka_is_told_offsets_that_redis_confirmed_five_seconds_ago_and_no_others(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment, "COMMIT_SECONDS", 0.1)
    live.topics()
    with live.worker():
        not_confirmed_at = time.monotonic()  # when it is, the test may see later
        live.produce([action()] * 100)
        live.wait_stored(100)
        wait_until(lambda: kafka_offset(live) == 100, what="a committed offset")
        assert time.monotonic() - not_confirmed_at > 5
        monkeypatch.setattr(confirmed, "SAFE_SECONDS", 1_000.0)  # or a worker that stops slowly may rightly commit 200
        live.produce([action()] * 100)
        live.wait_stored(200)
    assert kafka_offset(live) == 100


def test_an_offset_committed_in_kafka_changes_no_figures(live: Live) -> None:
    live.topics()
    live.produce([action()] * 100)
    with live.worker():
        live.wait_stored(100)
    live.produce([action()] * 100)
    for wrong in (170, 20):
        live.commit(wrong)
        with live.worker():
            live.wait_stored(200)
            live.assert_counted({"acme": 200})


def test_told_to_stop_a_worker_stores_all_that_it_has_counted(live: Live, never_due: type[Watched]) -> None:
    live.topics()
    live.produce([action()] * 100)
    with live.worker() as worker:
        wait_until(lambda: len(never_due.taken) == 100, what="100 counted actions")
        assert live.header() is None
        assert worker.stop() is Exit.DONE
    live.assert_counted({"acme": 100})


def test_where_redis_hangs_a_worker_stops_in_time_nevertheless_and_says_that_it_failed(
    live: Live, own_redis: LocalRedis, never_due: type[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions, bound_seconds = 20, 15  # a second for each would be too long
    monkeypatch.setattr(worker, "STOP_SECONDS", 1.0)
    monkeypatch.setattr(worker, "LEAVE_SECONDS", 3.0)
    monkeypatch.setattr(connect, "REDIS_TIMEOUT_SECONDS", 1.0)
    with RedisProxy(own_redis.port) as proxy:
        hanging = live.given(REDIS_URL=proxy.url)
        hanging.topics(actions=partitions)
        for partition in range(partitions):
            hanging.produce([action()] * 10, partition)
        with hanging.worker() as running:
            wait_until(lambda: len(never_due.taken) == 10 * partitions, what="all to be counted")
            proxy.delay = 60.0
            monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 0.0)
            hanging.wait_said("waiting")  # and now the next slot waits
            told_at = time.monotonic()
            assert running.stop() is Exit.FAILED
            assert time.monotonic() - told_at < bound_seconds
    monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 0.2)
    whole = live.given(REDIS_URL=own_redis.url)
    with whole.worker():
        for partition in range(partitions):
            whole.wait_stored(10, partition)
            whole.assert_counted({"acme": 10}, partition)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_command_in_time_with_exit_code_0(
    live: Live, tmp_path: Path, number: signal.Signals
) -> None:
    live.topics()
    log = tmp_path / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "stream.cli", "run"], cwd=ROOT, env=live.environment, stdout=file, stderr=file
        ) as process,
    ):
        try:
            live.produce([action()] * 100)
            live.wait_stored(100)
            live.produce([action()] * 100)
            process.send_signal(number)
            assert process.wait(BOUND_SECONDS) == 0, log.read_text()
        finally:
            process.kill()
    said = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["all_stored"] for line in said if line["event"] == "stopped"] == [True]
    with live.worker():
        live.wait_stored(200)
    live.assert_counted({"acme": 200})
