"""Where going on would give wrong figures, the worker stops with the reason, and a person's command heals it."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from schemas import manifest
from schemas.exits import Blocked, Exit
from schemas.manifest import Manifest
from tests import support
from tests.integration.live import Live, action
from tests.support import wait_until

ROOT = Path(__file__).parents[2]


def command(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(line, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=90, check=False)


def delete_records(live: Live, before: int) -> None:
    support.delete_records(live.settings.kafka_bootstrap_servers, live.slot().topic, 0, before)


def publish_run(live: Live, inputs: dict[str, int]) -> None:
    """A published run that counted so far."""
    topic, config = live.settings.topics.runs, live.settings.run_config
    support.create_topics(live.settings.kafka_bootstrap_servers, {topic: 1})
    version = manifest.config_version(config)
    run_id = manifest.run_id("2025-06-30", version, inputs, "d", 0)
    run = Manifest(run_id, "2025-06-30", 0, 0, version, config, inputs, {}, "d")
    producer = Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers})
    producer.produce(topic, key="2025-06-30", value=manifest.encode(run))
    assert producer.flush(30) == 0


def assert_blocked(live: Live, *parts: str) -> None:
    error = live.refused()
    assert isinstance(error, Blocked)
    assert error.exit is Exit.FAILED
    for part in (str(live.slot()), *parts):
        assert part in str(error), str(error)


def run_after(live: Live, actions: int, *arguments: str) -> None:
    """Give the command, then let a worker count `actions` more."""
    live.wait_left()  # what is owned is refused
    done = command(live, *arguments)
    assert done.returncode == 0, done.stderr
    live.produce([action("later")] * actions)


def wipe(live: Live) -> None:
    with live.client as client:
        for key in client.scan_iter(f"{live.slot().tag}*"):
            client.delete(key)


def test_without_a_slot_a_committed_offset_stops_the_worker_until_a_rebuild(counted_100: Live) -> None:
    counted_100.commit(100)
    wipe(counted_100)
    assert_blocked(counted_100, "committed offset 100", "rebuild --topic actions --partition 0")
    assert counted_100.header() is None
    run_after(counted_100, 10, "rebuild", "--topic", "actions", "--partition", "0")
    with counted_100.worker():
        counted_100.wait_stored(110)
    counted_100.assert_counted({"acme": 100, "later": 10})


def test_without_a_slot_a_published_run_that_names_it_stops_the_worker(counted_100: Live) -> None:
    wipe(counted_100)
    publish_run(counted_100, {str(counted_100.slot()): 100})
    assert_blocked(counted_100, "published run", "offset 100", "rebuild --topic actions --partition 0")
    assert counted_100.header() is None


def test_a_slot_that_is_new_since_the_newest_run_starts_at_the_beginning_of_its_log(live: Live) -> None:
    live.topics()
    publish_run(live, {str(live.slot()): 0, str(live.slot(7)): 100})
    live.produce([action()] * 100)
    with live.worker():
        live.wait_stored(100)
    live.assert_counted({"acme": 100})


def test_a_redis_wiped_before_anything_was_committed_is_counted_again_from_the_log(counted_100: Live) -> None:
    wipe(counted_100)
    with counted_100.worker():
        counted_100.wait_stored(100)
    counted_100.assert_counted({"acme": 100})


def test_a_running_worker_whose_redis_is_wiped_after_a_commit_stops(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.confirmed.SAFE_SECONDS", 0.0)
    monkeypatch.setattr("stream.assignment.COMMIT_SECONDS", 0.1)
    live.topics()
    with live.worker() as worker:
        live.produce([action()] * 100)
        told = {live.slot(): 100}
        wait_until(lambda: live.committed == told, what="a commit")
        wipe(live)
        wait_until(lambda: not worker.alive, what="the end of the worker")
    assert isinstance(worker.error, Blocked)
    assert "committed offset 100" in str(worker.error)
    assert live.header() is None


@pytest.mark.parametrize(
    ("arguments", "kept"), [(("accept-gap",), 150), (("rebuild", "--force"), 50)], ids=["accept-gap", "rebuild"]
)
def test_records_deleted_before_they_were_counted_stop_the_worker_until_a_person_decides(
    counted_100: Live, arguments: tuple[str, ...], kept: int
) -> None:
    counted_100.produce([action()] * 100)
    delete_records(counted_100, 150)
    assert_blocked(counted_100, "starts at 150", "offset 100 is next", "50 offsets", "rebuild", "accept-gap")
    run_after(counted_100, 10, *arguments, "--topic", "actions", "--partition", "0")
    with counted_100.worker():
        counted_100.wait_stored(210)
    counted_100.assert_counted({"acme": kept, "later": 10})


def test_records_deleted_while_a_running_worker_could_not_read_them_stop_it(fragile: Live) -> None:
    fragile.topics()
    with fragile.worker() as worker, fragile.client as client:
        fragile.produce([action()] * 100)
        fragile.wait_stored(100)
        client.config_set("maxmemory", 1)
        fragile.produce([action()])
        fragile.wait_said("waiting", error="OutOfMemory", slot=fragile.slot())
        fragile.produce([action()] * 100)
        delete_records(fragile, 150)
        client.config_set("maxmemory", 0)
        wait_until(lambda: not worker.alive, what="the end of the worker")
    assert isinstance(worker.error, Blocked)
    for part in (str(fragile.slot()), "rebuild", "accept-gap"):
        assert part in str(worker.error)
    assert fragile.next_offset() == 101


def test_an_offset_past_the_end_of_the_log_stops_the_worker_once_it_is_sure(
    counted_100: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.assignment.LOG_END_SECONDS", 1.0)
    header = counted_100.header()
    assert header is not None
    counted_100.write(msgspec.structs.replace(header, next_offset=130))
    assert_blocked(counted_100, "offset 130 is next", "ends at 100", "truncated", "rebuild", "accept-gap")
    run_after(counted_100, 10, "accept-gap", "--partition", "0")
    with counted_100.worker():
        counted_100.wait_stored(110)
    counted_100.assert_counted({"acme": 100, "later": 10})


def test_a_topic_made_anew_under_a_running_worker_stops_it(live: Live) -> None:
    live.topics()
    with live.worker() as worker:
        live.produce([action("old")] * 100)
        live.wait_stored(100)
        support.delete_topics(live.settings.kafka_bootstrap_servers, live.slot().topic)
        support.create_topics(live.settings.kafka_bootstrap_servers, {live.slot().topic: 1})
        live.produce([action("new")] * 200)  # a consumer reads on at 100 and says nothing
        wait_until(lambda: not worker.alive, what="the end of the worker")
    assert isinstance(worker.error, Blocked)
    assert "made anew" in str(worker.error)
    run_after(live, 10, "rebuild", "--force", "--partition", "0")
    with live.worker():
        live.wait_stored(210)
    live.assert_counted({"new": 200, "later": 10})


def test_a_slot_of_a_topic_that_was_made_anew_can_go_on_with_its_figures(counted_100: Live) -> None:
    support.delete_topics(counted_100.settings.kafka_bootstrap_servers, counted_100.slot().topic)
    support.create_topics(counted_100.settings.kafka_bootstrap_servers, {counted_100.slot().topic: 1})
    assert_blocked(counted_100, "made anew", "rebuild", "accept-gap")
    run_after(counted_100, 10, "accept-gap", "--partition", "0")
    with counted_100.worker():
        counted_100.wait_stored(10)
    counted_100.assert_counted({"acme": 100, "later": 10})


def test_records_that_were_replaced_by_others_stop_the_worker_until_a_person_decides(counted_100: Live) -> None:
    header = counted_100.header()
    assert header is not None
    counted_100.write(msgspec.structs.replace(header, leader_epoch=5))
    assert_blocked(counted_100, "were replaced", "rebuild", "accept-gap")
    run_after(counted_100, 10, "accept-gap", "--partition", "0")
    with counted_100.worker():
        counted_100.wait_stored(110)
    counted_100.assert_counted({"acme": 100, "later": 10})
