"""Produces the real sample to the two input topics: `python examples/load_sample.py`.

Addresses and topic names come from the settings of the engine (KAFKA_BOOTSTRAP_SERVERS and so on). What is done here is
what a producer of events should do: an idempotent producer, the account id as key, the record's own timestamp left to
the broker, and a check that everything was delivered.
"""

import argparse
import csv
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.exits import EngagementError
from schemas.settings import load_settings
from store.connect import kafka_admin, kafka_producer, wait_for_kafka

SAMPLE = Path(__file__).parent / "lf_contrib"
DELIVERY_SECONDS = 120.0

Fields = dict[str, str]


def rows(name: str) -> Iterator[Fields]:
    """The rows of a compressed CSV of the sample, in file order."""
    with gzip.open(SAMPLE / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def actions() -> Iterator[Fields]:
    """The values for the actions topic, in order of arrival, which is their event time here."""
    for row in rows("events"):
        yield {
            "account_id": row["account_id"],
            "user_id": row["user_id"],
            "action": row["action"],
            "timestamp": row["arrived_at"],
            "message_id": row["event_id"],
        }


def account_records() -> Iterator[Fields]:
    """The values for the accounts topic: each account's Status from the first of each month on.

    An account that was listed in a month and is missing in the next one gets a record without Status.
    """
    months: dict[str, dict[str, str]] = {}
    for row in rows("accounts_status_by_month"):
        months.setdefault(row["month"], {})[row["account_id"]] = row["status"]
    before: dict[str, str] = {}
    for month, listed in sorted(months.items()):
        start = f"{month}-01T00:00:00Z"
        for account_id, status in listed.items():
            yield {"account_id": account_id, "status": status, "effective_at": start}
        for account_id in sorted(before.keys() - listed.keys()):
            yield {"account_id": account_id, "effective_at": start}
        before = listed


class Loader:
    """Produces values at full speed, and counts what was delivered."""

    def __init__(self, producer: Producer, *, keyed: bool) -> None:
        self._producer = producer
        self._keyed = keyed
        self.delivered = 0
        self.failed: str | None = None

    def send(self, topic: str, value: Fields) -> None:
        """Hand one value to the producer, waiting while its queue is full."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        key = value["account_id"].encode() if self._keyed else None
        while True:
            try:
                self._producer.produce(topic, value=body, key=key, on_delivery=self._on_delivery)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:  # what the broker refused before, such as the right to write
                message = f"{topic} takes no records: {error.args[0].str()}; see docs/security.md"
                raise EngagementError(message) from error
            else:
                self._producer.poll(0)
                return

    def finish(self) -> None:
        """Wait until everything is delivered. Raises EngagementError where something was not."""
        left = self._producer.flush(DELIVERY_SECONDS)
        if self.failed is not None or left:
            reason = self.failed or f"no answer for {left} records"
            message = f"the sample was not delivered whole: {reason}; see the broker and docs/security.md, then load it"
            message += " into new topics"
            raise EngagementError(message)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.failed = f"{message.topic()}: {error.str()}"


def load(*, keyed: bool) -> int:
    """Produce the whole sample and return how many records were delivered. Account records are always keyed."""
    settings = load_settings(os.environ)
    wait_for_kafka(kafka_admin(settings), settings)
    producer = kafka_producer(settings, **{"linger.ms": 20, "compression.type": "zstd"})
    accounts, events = Loader(producer, keyed=True), Loader(producer, keyed=keyed)
    for value in account_records():
        accounts.send(settings.topics.accounts, value)
    for value in actions():
        events.send(settings.topics.actions, value)
    accounts.finish()
    events.finish()
    return accounts.delivered + events.delivered


def main() -> None:
    """Command line of the loader."""
    parser = argparse.ArgumentParser(description="Produce the real sample to the two input topics.")
    parser.add_argument("--unkeyed", action="store_true", help="actions without a key, so spread over all partitions")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        records = load(keyed=not arguments.unkeyed)
    except EngagementError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit)
    seconds = time.monotonic() - started
    print(f"{records} records in {seconds:.1f} s")


if __name__ == "__main__":
    main()
