"""A subscriber to the scores that acts on whole runs only: `python examples/subscriber.py`. Made to be copied.

A run is one Kafka transaction, yet its records arrive partition by partition, some before and some after the manifest.
So: read committed records, take the newest manifest, and hold its run once `accounts` records carry its run_id.
The scores topic is compacted: it has the newest run whole, older ones perhaps in part. Nothing needs to be stored here:
after a restart the newest run comes again, so do with a run what may be done twice, or keep its run_id.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.manifest import Manifest
from schemas.scores import SCHEMA_HEADER, ScoreRecord

BATCH = 1000
POLL_SECONDS = 0.5
NEW_PARTITIONS_SECONDS = 5.0
METADATA_SECONDS = 10.0
SHOWN = 5


@dataclass(frozen=True)
class Run:
    """A whole run, which replaces the one before it: an account that is not in it has no score any more."""

    manifest: Manifest
    scores: dict[str, ScoreRecord]


class Runs:
    """Makes whole runs of manifests and score records in any order, repeated ones too. Knows nothing of Kafka."""

    def __init__(self) -> None:
        self.awaited: Manifest | None = None
        """The newest manifest, until its run is whole."""
        self._done: set[str] = set()
        """Runs that were whole or have been replaced: their records are of no use any more."""
        self._scores: dict[str, dict[str, ScoreRecord]] = {}

    def add_manifest(self, manifest: Manifest) -> None:
        """Wait for this run instead of any before it. Manifests come in the order of the runs topic."""
        if manifest.run_id in self._done or manifest == self.awaited:
            return
        if self.awaited is not None:
            self._finish(self.awaited)
        self.awaited = manifest

    def add_score(self, score: ScoreRecord) -> None:
        """Keep a score of the awaited run, or of one whose manifest is still to come."""
        if score.run_id not in self._done:
            self._scores.setdefault(score.run_id, {})[score.account_id] = score

    def missing(self) -> int:
        """How many records the awaited run still lacks."""
        return self.awaited.accounts - len(self._scores.get(self.awaited.run_id, ())) if self.awaited else 0

    def take(self) -> Run | None:
        """The awaited run, once, as soon as it is whole."""
        manifest = self.awaited
        if manifest is None or self.missing():
            return None
        self.awaited = None
        return Run(manifest, self._finish(manifest))

    def _finish(self, manifest: Manifest) -> dict[str, ScoreRecord]:
        self._done.add(manifest.run_id)
        return self._scores.pop(manifest.run_id, {})


class Subscriber:
    """Reads both topics from their start on. Needs all partitions: so it joins no group, and commits nothing."""

    def __init__(self, kafka: dict[str, str], prefix: str = "engagement.") -> None:
        self._scores_topic, self._runs_topic = prefix + "scores", prefix + "runs"
        ours = {
            "isolation.level": "read_committed",
            "enable.auto.commit": "false",
            "auto.offset.reset": "earliest",  # a topic that was made anew is read from its start
            "enable.partition.eof": "true",
        }
        self._consumer = Consumer({"group.id": prefix + "subscriber", **kafka, **ours})
        self._runs = Runs()
        self._partitions = 0
        self._look_at = 0.0

    def start(self) -> None:
        """Read all manifests, so that scores of older runs can be dropped as they come, then turn to the scores."""
        self._count_partitions(self._runs_topic)
        self._consumer.assign([TopicPartition(self._runs_topic, 0, OFFSET_BEGINNING)])
        ended = False
        while not ended:
            messages = self._consumer.consume(BATCH, POLL_SECONDS)
            self._add(messages)
            ended = any(map(_at_end, messages))
        self._read_new_partitions()

    def step(self, seconds: float = POLL_SECONDS) -> Run | None:
        """Read on, waiting up to `seconds`, and return the newest run if that made it whole."""
        self._add(self._consumer.consume(BATCH, seconds))
        # Only a run that stays incomplete can have records in a partition that was added.
        if self._runs.missing() and time.monotonic() >= self._look_at:
            with suppress(KafkaException):  # the brokers are away: looks again later
                self._read_new_partitions()
        return self._runs.take()

    def follow(self) -> Iterator[Run]:
        """Every run from the newest on, as soon as it is whole; one that a newer one overtakes is left out."""
        self.start()
        while True:
            run = self.step()
            if run is not None:
                yield run

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _read_new_partitions(self) -> None:
        self._look_at = time.monotonic() + NEW_PARTITIONS_SECONDS
        found = self._count_partitions(self._scores_topic)
        new = [TopicPartition(self._scores_topic, n, OFFSET_BEGINNING) for n in range(self._partitions, found)]
        if new:
            self._consumer.incremental_assign(new)
        self._partitions = found

    def _count_partitions(self, topic: str) -> int:
        found = self._consumer.list_topics(topic, METADATA_SECONDS).topics[topic]
        if found.error is not None:
            _check_denied(topic, found.error)
            raise KafkaException(found.error)
        return len(found.partitions)

    def _add(self, messages: list[Message]) -> None:
        for message in messages:
            error, value = message.error(), message.value()
            if error is not None:
                _check_denied(message.topic(), error)
                if error.fatal():
                    raise KafkaException(error)  # all others the client overcomes by itself
            elif value is None:
                continue  # an account was forgotten: it is in no run from here on
            elif message.topic() == self._runs_topic:
                self._runs.add_manifest(msgspec.json.decode(value, type=Manifest))
            elif SCHEMA_HEADER in (message.headers() or ()):
                self._runs.add_score(msgspec.json.decode(value, type=ScoreRecord))
            else:
                where = f"{message.topic()}/{message.partition()} offset {message.offset()}"
                raise ValueError(f"{where}: unknown schema; this subscriber is older than what it reads")


def _check_denied(topic: str | None, error: KafkaError) -> None:
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise ValueError(f"Kafka denies this user Read on topic {topic}; grant it, see docs/security.md")


def _at_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's public name


def moved(score: ScoreRecord) -> int:
    """By how much a score moved since the day before; none counts as 0."""
    return (score.score or 0) - (score.change.previous or 0)


def describe(run: Run) -> str:
    """One line about a run, and one for each of the accounts whose score moved most."""
    manifest = run.manifest
    ranked = sum(cohort.ranked for cohort in manifest.cohorts.values())
    lines = [f"{manifest.as_of} revision {manifest.revision}: {manifest.accounts} accounts, {ranked} ranked"]
    movers = sorted(filter(moved, run.scores.values()), key=lambda score: (-abs(moved(score)), score.account_id))
    for score in movers[:SHOWN]:
        parts = msgspec.structs.asdict(score.change)
        why = ", ".join(f"{name} {part:+}" for name, part in parts.items() if name != "previous" and part)
        lines.append(f"  {moved(score):+4}  {score.account_id}: {score.change.previous} to {score.score} ({why})")
    return "\n".join(lines)


def main() -> None:
    """Print every run, until interrupted."""
    parser = argparse.ArgumentParser(description="Print every whole run of scores and who moved most.")
    parser.add_argument("--prefix", default="engagement.", help="of the topics")
    parser.add_argument("--once", action="store_true", help="stop after the newest run")
    arguments = parser.parse_args()
    kafka = {
        "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        **json.loads(os.environ.get("ENGAGEMENT_KAFKA", "{}")),
    }
    try:
        with closing(Subscriber(kafka, arguments.prefix)) as subscriber:
            for run in subscriber.follow():
                print(describe(run), flush=True)
                if arguments.once:
                    return
    except KafkaException as error:
        sys.exit(f"error: {error.args[0].str()}; see KAFKA_BOOTSTRAP_SERVERS and --prefix")
    except ValueError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
