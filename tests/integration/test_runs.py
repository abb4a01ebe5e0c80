import threading
from collections.abc import Callable

import msgspec
import pytest
from confluent_kafka import Producer

from schemas import manifest as manifest_schema
from schemas.exits import EngagementError
from schemas.manifest import Manifest, RunConfig
from schemas.settings import Settings, load_settings
from store.runs import manifests, newest_manifest

FIRST = Manifest("r1", "2025-06-29", 0, 1, "v", RunConfig("UTC", "actions", 3, 400, (), {}, (), ()), {}, {}, "d")
SECOND = msgspec.structs.replace(FIRST, run_id="r2", as_of="2025-06-30")


@pytest.fixture
def settings(settings_env: dict[str, str]) -> Settings:
    return load_settings(settings_env)


@pytest.fixture
def producer(settings: Settings, create_topics: Callable[..., None]) -> Producer:
    create_topics(runs=1)
    producer = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": settings.topics.runs}
    )
    producer.init_transactions(30)
    return producer


def begin(producer: Producer, settings: Settings, manifest: Manifest) -> None:
    producer.begin_transaction()
    producer.produce(settings.topics.runs, manifest_schema.encode(manifest), partition=0)
    producer.flush(30)


def test_without_a_runs_topic_or_without_runs_there_is_no_newest(
    settings: Settings, create_topics: Callable[..., None]
) -> None:
    assert newest_manifest(settings) is None
    create_topics(runs=1)
    assert newest_manifest(settings) is None


def test_manifests_come_oldest_first_without_those_taken_back(settings: Settings, producer: Producer) -> None:
    begin(producer, settings, FIRST)
    producer.commit_transaction(30)
    begin(producer, settings, msgspec.structs.replace(FIRST, run_id="taken back"))
    producer.abort_transaction(30)
    begin(producer, settings, SECOND)
    producer.commit_transaction(30)
    assert manifests(settings, wait_for_open=True) == [FIRST, SECOND]
    assert newest_manifest(settings) == SECOND


def test_an_open_transaction_is_not_waited_for_by_default(settings: Settings, producer: Producer) -> None:
    begin(producer, settings, FIRST)
    producer.commit_transaction(30)
    assert manifests(settings, wait_for_open=True) == [FIRST]
    begin(producer, settings, SECOND)
    assert newest_manifest(settings) == FIRST
    producer.abort_transaction(30)


def test_a_commit_that_is_not_visible_yet_is_waited_for_where_asked(settings: Settings, producer: Producer) -> None:
    begin(producer, settings, FIRST)
    found: list[Manifest] = []
    reading = threading.Thread(target=lambda: found.extend(manifests(settings, wait_for_open=True)))
    reading.start()
    reading.join(1.0)
    assert reading.is_alive()
    producer.commit_transaction(30)
    reading.join(90)
    assert found == [FIRST]


def test_a_foreign_record_on_the_runs_topic_is_named(settings: Settings, producer: Producer) -> None:
    producer.begin_transaction()
    producer.produce(settings.topics.runs, b'{"as_of": 7}', partition=0)
    producer.commit_transaction(30)
    with pytest.raises(EngagementError, match="runs/0 offset 0 holds no manifest"):
        manifests(settings, wait_for_open=True)
