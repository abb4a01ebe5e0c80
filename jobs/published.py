"""Reading what was published, with the time of every record, from the runs topic alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from jobs.console import working
from schemas.exits import Unavailable
from schemas.manifest import Manifest
from schemas.settings import Settings
from store.connect import kafka_admin, kafka_consumer, wait_for_kafka
from store.layout import SlotName
from store.offsets import log_bounds
from store.runs import READ_SECONDS, manifest_of

_BATCH = 500
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Published:
    """A committed run and the timestamp of its manifest's record, ms since the epoch."""

    manifest: Manifest
    timestamp: int


def published_runs(settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> list[Published]:
    """All committed runs, oldest first.

    Raises Unavailable where Kafka does not answer in time, EngagementError where the topic is missing.
    """
    with working("reading the published runs"):
        admin = kafka_admin(settings)
        wait_for_kafka(admin, settings)
        slot = SlotName(settings.topics.runs, 0)
        bounds = log_bounds(admin, [slot.topic])[slot]
        consumer = kafka_consumer(
            settings, **{"group.id": settings.topic_prefix + "runs", "enable.partition.eof": True}
        )
        try:
            consumer.assign([TopicPartition(slot.topic, slot.partition, bounds.start)])
            return _read(consumer, slot, bounds.end, clock) if bounds.start < bounds.end else []
        finally:
            consumer.close()


def _read(consumer: Consumer, slot: SlotName, end: int, clock: Callable[[], float]) -> list[Published]:
    found: list[Published] = []
    deadline = clock() + READ_SECONDS
    reached = 0
    while reached < end:
        if clock() > deadline:
            raise Unavailable(f"{slot}: read to offset {reached} of {end} in {READ_SECONDS:g} s; run again")
        try:
            messages = consumer.consume(_BATCH, _POLL_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"{slot} cannot be read: {error.args[0].str()}") from error
        for message in messages:
            offset, manifest = manifest_of(message, slot)
            reached = max(reached, offset)
            if manifest is not None:
                found.append(Published(manifest, message.timestamp()[1]))
    return found
