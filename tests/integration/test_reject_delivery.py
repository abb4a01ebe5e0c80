"""No checkpoint passes a rejected record before the rejects topic has it, whole."""

import json
import os
from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka import Message
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from schemas.exits import Exit
from store.offsets import topic_settings
from stream import worker
from tests import support
from tests.acceptance.engine import read_topic
from tests.integration.live import Live, action
from tests.support import wait_until

BIG = 5 * 1024 * 1024


def limit_rejects(live: Live, most_bytes: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, live.settings.topics.rejects, incremental_configs=[entry])
    admin, topic = live.admin, live.settings.topics.rejects
    admin.incremental_alter_configs([resource])[resource].result()
    wait_until(lambda: topic_settings(admin, [topic])[topic]["max.message.bytes"] == str(most_bytes), what="the limit")


def delete_rejects(live: Live) -> None:
    support.delete_topics(live.settings.kafka_bootstrap_servers, live.settings.topics.rejects)


def create_rejects(live: Live) -> None:
    support.create_topics(live.settings.kafka_bootstrap_servers, {live.settings.topics.rejects: 1})


def rejects(live: Live) -> list[Message]:
    return read_topic(live.settings.kafka_bootstrap_servers, live.settings.topics.rejects)


def headers(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in cast("list[tuple[str, bytes]]", message.headers() or [])}


UNWRITABLE: dict[str, tuple[Callable[[Live], None], Callable[[Live], None]]] = {
    "deleted": (delete_rejects, create_rejects),
    "too small": (lambda live: limit_rejects(live, 1_000), lambda live: limit_rejects(live, 100_000_000)),
}


@pytest.fixture(autouse=True)
def tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.rejects.TRY_AGAIN_SECONDS", 0.2)


@pytest.fixture
def impatient(live: Live) -> Live:
    """A system whose clients believe at once that a topic is gone."""
    live.topics()
    return live.given(ENGAGEMENT_KAFKA=json.dumps({"topic.metadata.propagation.max.ms": 200}))


@pytest.mark.parametrize("name", UNWRITABLE)
def test_while_rejects_cannot_be_written_the_worker_waits_before_them_and_goes_on_later(
    impatient: Live, name: str
) -> None:
    live, (make_unwritable, make_writable) = impatient, UNWRITABLE[name]
    refused = [os.urandom(5_000) for _ in range(3)]
    with live.worker() as running:
        live.produce([action()] * 10)
        live.wait_stored(10)
        make_unwritable(live)
        live.produce([action(), *refused, action()])
        live.wait_said("rejects not delivered, trying again")
        live.wait_said("waiting", error="rejects of")
        live.produce([action()] * 5)
        live.wait_said("waiting", times=3, error="rejects of")
        assert live.next_offset() == 10
        assert running.alive
        make_writable(live)
        live.wait_stored(20)
        assert running.stop() is Exit.DONE
    live.assert_counted({"acme": 17})
    found = {int(headers(message)["offset"]): message.value() for message in rejects(live)}
    assert found == {11 + place: value for place, value in enumerate(refused)}


def test_a_worker_that_stops_before_its_rejects_are_delivered_has_not_passed_them(
    impatient: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = impatient
    monkeypatch.setattr(worker, "STOP_SECONDS", 1.0)
    with live.worker() as running:
        live.produce([action()] * 10)
        live.wait_stored(10)
        limit_rejects(live, 1_000)
        refused = os.urandom(5_000)
        live.produce([action(), refused])
        live.wait_said("rejects not delivered, trying again")
        assert running.stop() is Exit.FAILED
    assert live.next_offset() == 10
    with live.worker() as running:  # which also sees to it that the topic takes them
        live.wait_stored(12)
        assert running.stop() is Exit.DONE
    assert [message.value() for message in rejects(live)] == [refused]
    live.assert_counted({"acme": 11})


def test_rejects_of_one_partition_do_not_keep_others_from_being_stored(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 1.0)
    live.topics(actions=2)
    with live.worker() as running:
        for partition in range(2):
            live.produce([action()], partition)
            live.wait_stored(1, partition)
        limit_rejects(live, 1_000)
        live.produce([os.urandom(5_000)], 0)
        live.wait_said("waiting", error="rejects of", slot=live.slot(0))
        live.produce([action()] * 5, 1)
        live.wait_stored(6, 1)
        assert running.stop() is Exit.FAILED
    assert live.next_offset(0) == 1


def test_a_value_of_5_megabytes_arrives_whole_with_its_reason(live: Live) -> None:
    live.topics(max_message_bytes="6000000")
    limit_rejects(live, 1_000_000)
    value = os.urandom(BIG)
    with live.worker():
        live.produce([action(), value, action()])
        live.wait_stored(3)
    live.assert_counted({"acme": 2})
    (found,) = rejects(live)
    assert found.value() == value
    expected = {"reason": "too_large", "topic": live.slot().topic, "partition": "0", "offset": "1"}
    assert {name: text for name, text in headers(found).items() if name != "detail"} == expected


def test_a_key_that_is_rejected_with_its_record_arrives_too(live: Live) -> None:
    live.topics()
    with live.worker():
        wait_until(lambda: live.said("slot loaded"))
        live.produce([b"{}"], topic="accounts")
        live.wait_stored(1, topic="accounts")
    (found,) = rejects(live)
    assert (found.key(), found.value(), headers(found)["reason"]) == (None, b"{}", "missing_field")
