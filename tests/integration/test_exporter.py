"""What the exporter says of a system without a worker, of broken slots, and while Kafka or Redis are away."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from schemas.exits import Exit
from services.kafka import LocalKafka
from services.redis import LocalRedis
from store.connect import kafka_admin, kafka_consumer, kafka_producer
from store.layout import Header
from store.metrics import EXPORTER
from store.offsets import topic_ids
from stream.lag_report import LagLine
from stream.observer import Observer
from tests import support
from tests.integration.live import Live, action
from tests.integration.scraped import Exporter, exporter
from tests.support import delete_records, wait_until

ROOT = Path(__file__).parents[2]
LAG, SECONDS = "engagement_partition_lag_records", "engagement_partition_lag_seconds"
OWNED, BLOCKED = "engagement_partition_owned", "engagement_partition_blocked"


def of(live: Live, partition: int = 0, topic: str = "actions") -> dict[str, str]:
    return {"topic": live.slot(0, topic).topic, "partition": str(partition)}


def stand_at(live: Live, offset: int, **header: object) -> None:
    topic = live.slot().topic
    fields = {"timezone": "UTC", "topic_id": topic_ids(live.admin, [topic])[topic], "first_offset": 0}
    live.write(Header(**{**fields, "next_offset": offset, **header}))  # type: ignore[arg-type]


def test_a_counted_system_is_shown_whole(live: Live) -> None:
    live.topics()
    live.produce([action(day="2025-06-30"), b"poison", action()])
    with exporter(live) as running:
        with live.worker():
            live.wait_stored(3)
            wait_until(lambda: running.value(OWNED, **of(live)) == 1, what="the owner")
            assert running.status(live.slot()) == "OK"
        assert running.value("engagement_partition_stored_offset", **of(live)) == 3
        assert running.value("engagement_partition_log_end_offset", **of(live)) == 3
        assert running.value("engagement_partition_events_counted_total", **of(live)) == 2
        assert running.value("engagement_partition_events_rejected_total", **of(live)) == 1
        newest = running.value("engagement_partition_newest_day_timestamp_seconds", **of(live))
        assert newest == 1_751_241_600  # 2025-06-30
        group = {"group": live.settings.group_id, **of(live)}
        assert running.value("kafka_consumergroup_lag", **group) == 0
        assert running.value("kafka_consumergroup_lag_seconds", **group) == 0
        assert running.value("engagement_redis_append_only") == 1
        file = running.value("engagement_redis_append_only_bytes")
        assert file is not None
        assert file > 0
        memory = running.value("engagement_redis_memory_bytes")
        assert memory is not None
        assert memory > 100_000
        assert running.value("engagement_run_accounts") is None
        assert running.get("/livez") == running.get("/readyz") == '{"ok": true, "reasons": []}\n'


def test_only_listed_metrics_are_shown_with_the_labels_they_are_listed_with(live: Live) -> None:
    live.topics()
    listed = {one.name: (one.kind, one.help, set(one.labels)) for one in EXPORTER}
    stand_at(live, 5, newest_day=739_000)
    with exporter(live) as running:
        shown = list(text_string_to_metric_families(running.get()))
    for family in shown:
        name = family.name + ("_total" if family.type == "counter" else "")
        kind, text, labels = listed[name]
        assert (family.type, family.documentation) == (kind, text)
        assert all(one.labels.keys() == labels for one in family.samples), name
    runs = {name for name in listed if name.startswith("engagement_run_")}
    unknown = {name for name in listed if "lag" in name and not name.endswith("unknown_total")}
    found = {family.name + ("_total" if family.type == "counter" else "") for family in shown}
    assert listed.keys() - found <= runs | unknown


@pytest.mark.parametrize(
    ("header", "obstacle"),
    [
        ({"offset": 99}, "past_log_end"),
        ({"offset": 1, "topic_id": "another"}, "other_topic"),
        ({"offset": 1, "timezone": "Europe/Paris"}, "timezone"),
        ({"offset": 0, "layout": 0}, "being_emptied"),
        ({"offset": 0, "layout": 7}, "layout"),
    ],
)
def test_a_slot_that_cannot_go_on_is_stopped_with_the_reason(
    live: Live, header: dict[str, object], obstacle: str
) -> None:
    live.topics()
    live.produce([action()])
    stand_at(live, **header)  # type: ignore[arg-type]
    with exporter(live) as running:
        assert running.status(live.slot()) == "STOPPED"
        assert running.value(BLOCKED, **of(live), reason=obstacle) == 1


def test_foreign_bytes_and_deleted_records_stop_a_slot_too(live: Live) -> None:
    live.topics(actions=2)
    live.produce([action()] * 3)
    stand_at(live, 1)
    delete_records(live.settings.kafka_bootstrap_servers, live.slot().topic, 0, 2)
    live.client.set(live.slot(1).redo_key, b"foreign bytes, longer than a state id")
    with exporter(live) as running:
        wait_until(lambda: running.value(BLOCKED, **of(live), reason="before_log_start"), what="the deletion")
        assert running.value(BLOCKED, **of(live, 1), reason="unreadable") == 1
        assert running.value(LAG, **of(live, 1)) is running.value(SECONDS, **of(live, 1)) is None
        unknown = running.value("engagement_partition_lag_unknown_total", **of(live, 1))
        assert unknown is not None
        assert unknown >= 1


def test_a_redis_that_lost_the_slots_is_no_fresh_start(live: Live) -> None:
    live.topics()
    live.produce([action()])
    consumer = kafka_consumer(live.settings, **{"group.id": live.settings.group_id})
    consumer.commit(offsets=[TopicPartition(live.slot().topic, 0, 1)], asynchronous=False)
    consumer.close()
    with exporter(live) as running:
        assert running.value(BLOCKED, **of(live), reason="lost") == 1
        assert running.status(live.slot(0, "accounts")) == "NO_OWNER"


def test_dead_workers_show_as_growing_lag_without_an_owner(live: Live) -> None:
    live.topics(message_timestamp_type="LogAppendTime")
    with live.worker():
        live.produce([action()])
        live.wait_stored(1)
    live.produce([action()] * 5)
    with exporter(live) as running:
        wait_until(lambda: running.value(OWNED, **of(live)) == 0, what="the group to notice")
        wait_until(lambda: running.status(live.slot()) == "NO_OWNER")
        assert running.value(LAG, **of(live)) == 5
        first = running.value(SECONDS, **of(live))
        assert first is not None
        wait_until(lambda: (running.value(SECONDS, **of(live)) or 0) > first + 1, what="a lag that grows")


def test_topics_may_come_later(live: Live) -> None:
    with exporter(live) as running:
        assert running.value("engagement_topic_present", topic=live.slot().topic) == 0
        live.topics()
        wait_until(lambda: running.value("engagement_topic_present", topic=live.slot().topic) == 1)
        wait_until(lambda: running.value(LAG, **of(live)) == 0)


def test_the_newest_run_is_shown_and_followed(live: Live) -> None:
    live.topics()
    runs = live.settings.topics.runs
    support.create_topics(live.settings.kafka_bootstrap_servers, {runs: 1})
    manifest = json.loads((ROOT / "schemas/examples/runs/valid/fields_may_be_added.json").read_bytes())

    def publish(as_of: str, accounts: int) -> None:
        producer = kafka_producer(live.settings)
        producer.produce(runs, json.dumps({**manifest, "as_of": as_of, "accounts": accounts}).encode(), partition=0)
        assert producer.flush(30) == 0

    publish("2025-06-29", 7)
    with exporter(live) as running:
        assert running.value("engagement_run_accounts") == 7
        assert running.value("engagement_run_as_of_timestamp_seconds") == 1_751_155_200
        publish("2025-06-30", 8)
        wait_until(lambda: running.value("engagement_run_accounts") == 8, what="the next run")
        before = time.time()
        age = running.value("engagement_run_age_seconds")
        assert age is not None
        assert before - 1 < age + 1_751_328_000 < time.time() + 1


def up(running: Exporter, source: str) -> float | None:
    return running.value("engagement_exporter_up", source=source)


def errors(running: Exporter, source: str) -> float:
    return running.value("engagement_exporter_errors_total", source=source) or 0


def test_while_redis_is_away_lag_is_unknown_and_comes_back(fragile: Live, own_redis: LocalRedis) -> None:
    fragile.topics()
    fragile.produce([action()])
    stand_at(fragile, 1)
    with exporter(fragile) as running:
        assert (running.value(LAG, **of(fragile)), up(running, "redis")) == (0, 1)
        own_redis.kill()
        wait_until(lambda: up(running, "redis") == 0, what="Redis to be missed")
        assert up(running, "kafka") == 1
        assert errors(running, "redis") >= 1
        assert running.value(LAG, **of(fragile)) is running.value(SECONDS, **of(fragile)) is None
        assert running.value("engagement_partition_log_end_offset", **of(fragile)) == 1
        assert running.status(fragile.slot()) is None
        own_redis.start()
        wait_until(lambda: running.value(LAG, **of(fragile)) == 0, what="the lag to be known again")


@pytest.fixture
def own_kafka(local_kafka: Callable[[], LocalKafka]) -> LocalKafka:
    return local_kafka()


def test_while_kafka_is_away_lag_is_unknown_and_comes_back(live: Live, own_kafka: LocalKafka) -> None:
    alone = live.given(KAFKA_BOOTSTRAP_SERVERS=own_kafka.address)
    alone.topics()
    alone.produce([action()])
    stand_at(alone, 1)
    with exporter(alone, patient=False) as running:
        wait_until(lambda: running.value(SECONDS, **of(alone)) == 0, what="a Kafka that has just started")
        own_kafka.kill()
        wait_until(lambda: up(running, "kafka") == 0, what="Kafka to be missed")
        assert up(running, "redis") == 1
        assert errors(running, "kafka") >= 1
        assert running.value(LAG, **of(alone)) is running.value(SECONDS, **of(alone)) is None
        assert running.value("engagement_partition_stored_offset", **of(alone)) == 1
        own_kafka.start()
        wait_until(lambda: running.value(SECONDS, **of(alone)) == 0, what="the lag to be known again")


@contextmanager
def command(live: Live, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    whole = [sys.executable, "-m", "stream.cli", *arguments]
    process = subprocess.Popen(
        whole, cwd=ROOT, env=live.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_command_serves_until_sigterm(live: Live) -> None:
    live.topics()
    with command(live, "exporter", "--address", "127.0.0.1:0") as process:
        assert process.stderr is not None
        address = json.loads(process.stderr.readline())["address"]

        def shown() -> bool:
            """Not before its first look has ended, for which a scrape waits some seconds only."""
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
                return b"kafka_consumergroup_lag_seconds{" in answer.read()

        wait_until(shown, what="the lag")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == Exit.DONE


def lag(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    whole = [sys.executable, "-m", "stream.cli", "lag", *arguments]
    return subprocess.run(
        whole, cwd=ROOT, env=live.environment, text=True, capture_output=True, timeout=60, check=False
    )


def lines(text: str) -> list[LagLine]:
    return [msgspec.json.decode(line, type=LagLine) for line in text.splitlines()]


def test_lag_fails_where_an_event_waits_for_too_long_or_that_is_unknown(live: Live) -> None:
    live.topics()
    live.produce([action()])
    written = time.time()
    assert lag(live, "--fail-over", "3600").returncode == Exit.DONE
    wait_until(lambda: time.time() > written + 1.1)
    late = lag(live, "--fail-over", "1", "--output", "json")
    assert late.returncode == Exit.FAILED
    assert late.stderr == f"error: 1 partitions are more than 1 s behind: {live.slot()}\n"
    by_topic = {line.topic: line for line in lines(late.stdout)}
    assert (by_topic[live.slot().topic].lag, by_topic[live.slot().topic].status) == (1, "NO_OWNER")
    stand_at(live, 99)
    unknown = lag(live, "--fail-over", "3600")
    assert (unknown.returncode, unknown.stderr) == (Exit.FAILED, f"error: the lag of 1 is unknown: {live.slot()}\n")
    assert "STOPPED" in unknown.stdout


def test_lag_goes_on_in_blocks_until_it_is_interrupted(live: Live) -> None:
    live.topics()
    with command(live, "lag", "--watch", "--interval", "0.1", "--output", "json") as process:
        assert process.stdout is not None
        seen = [msgspec.json.decode(process.stdout.readline(), type=LagLine) for _ in range(6)]
        assert [line.topic for line in seen] == 3 * sorted([live.slot().topic, live.slot(0, "accounts").topic])
        assert len({line.looked_at for line in seen}) == 3
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)  # reads on: a pipe that is full would hold it up
        assert process.returncode == Exit.DONE


def test_a_look_costs_a_bounded_number_of_requests(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.topics(actions=100)
    live.produce([action()])
    asked: list[str] = []
    client = live.client
    execute = client.connection_pool.connection_class.send_packed_command

    def counted(self: object, *args: object, **kwargs: object) -> object:
        asked.append("redis")
        return execute(self, *args, **kwargs)

    monkeypatch.setattr(client.connection_pool.connection_class, "send_packed_command", counted)
    observer = Observer(lambda: kafka_admin(live.settings), client, live.settings)
    observer.look()
    asked.clear()
    picture = observer.look()
    observer.close()
    print(f"\na look at {len(picture.partitions)} partitions: {len(asked)} round trips to Redis, {picture.took:.3f} s")
    assert len(picture.partitions) == 101
    assert len(asked) <= 2
