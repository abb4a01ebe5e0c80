"""Account records wait for actions, but not where there is more of them than one slice."""

import json

import pytest
from confluent_kafka import Consumer, Message, Producer

from stream.member import FILL_SECONDS, SLICE_RECORDS
from stream.member import fetch as real_fetch
from tests.integration.live import Live
from tests.support import wait_until

RECORDS = 40_000


def test_a_backlog_of_account_records_alone_is_counted_without_a_wait_between_its_batches(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.topics()
    produce_accounts(live)
    asked: list[tuple[float, int]] = []

    def fetch(consumer: Consumer, patience: float) -> list[Message]:
        found = real_fetch(consumer, patience)
        asked.append((patience, len(found)))
        return found

    monkeypatch.setattr("stream.member.fetch", fetch)
    with live.worker():
        live.wait_stored(RECORDS, topic="accounts")
        wait_until(lambda: asked[-4:] == [(FILL_SECONDS, 0), (0.0, 0)] * 2, what="turns without records")
    actions, accounts = asked[0::2], asked[1::2]
    assert sum(found for _, found in accounts) >= RECORDS
    expected = [0.0 if found >= SLICE_RECORDS else FILL_SECONDS for _, found in accounts]
    assert 0.0 in expected
    assert [patience for patience, _ in actions[1:]] == expected[: len(actions) - 1]


def produce_accounts(live: Live) -> None:
    producer = Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers, "linger.ms": 50})
    topic = live.slot(topic="accounts").topic
    for number in range(RECORDS):
        account = f"account-{number}"
        producer.produce(topic, json.dumps({"account_id": account}), account, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0
