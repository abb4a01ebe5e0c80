"""Reading the manifests of published runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas import manifest as manifests_schema
from schemas.exits import Denied, EngagementError, Unavailable
from schemas.manifest import Manifest
from schemas.settings import Settings
from store.connect import kafka_admin, kafka_consumer
from store.denied import read_failure
from store.layout import SlotName
from store.offsets import high_watermarks, log_bounds, partitions
from store.reached import reached

READ_SECONDS = 60.0
_BATCH = 500
_POLL_SECONDS = 0.2


def newest_manifest(settings: Settings) -> Manifest | None:
    """The manifest of the newest committed run, None where nothing was published or the runs topic is missing."""
    found = manifests(settings)
    return found[-1] if found else None


@dataclass(frozen=True)
class Published:
    """A committed run and the timestamp of its manifest's record, ms since the epoch."""

    manifest: Manifest
    timestamp: int


def manifests(
    settings: Settings, *, wait_for_open: bool = False, clock: Callable[[], float] = time.monotonic
) -> list[Manifest]:
    """The manifests of `published_runs`."""
    return [run.manifest for run in published_runs(settings, wait_for_open=wait_for_open, clock=clock)]


def published_runs(
    settings: Settings, *, wait_for_open: bool = False, clock: Callable[[], float] = time.monotonic
) -> list[Published]:
    """All committed runs, oldest first; none where the runs topic is missing.

    With `wait_for_open`, a transaction that is open on the topic is waited for, so that a commit whose marker is not
    visible yet cannot be missed. Raises Unavailable where the end is not reached within READ_SECONDS, Denied.
    """
    admin = kafka_admin(settings)
    slot = SlotName(settings.topics.runs, 0)
    try:
        partitions(admin, [slot.topic])
    except (Unavailable, Denied):
        raise
    except EngagementError:
        return []
    bounds = log_bounds(admin, [slot.topic])[slot]
    end = high_watermarks(admin, [slot])[slot] if wait_for_open else bounds.end
    if bounds.start >= end:
        return []
    # Partitions are assigned by hand: the group is never joined and nothing is committed to it.
    consumer = kafka_consumer(settings, **{"group.id": slot.topic, "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(slot.topic, slot.partition, bounds.start)])
        return _read(consumer, slot, end, clock)
    except KafkaException as error:
        raise read_failure(error.args[0], str(slot), slot.topic, slot.topic) from error
    finally:
        consumer.close()


def _read(consumer: Consumer, slot: SlotName, end: int, clock: Callable[[], float]) -> list[Published]:
    """Runs up to the offset `end`."""
    found: list[Published] = []
    deadline = clock() + READ_SECONDS
    read_to = 0
    while read_to < end:
        if clock() > deadline:
            text = f"{slot}: read to offset {read_to} of {end} in {READ_SECONDS:g} s: a transaction is open; run again"
            raise Unavailable(text)
        for message in consumer.consume(_BATCH, _POLL_SECONDS):
            read_to = max(read_to, reached(message)[1])
            value = message.value()
            if message.error() is None and value is not None:
                found.append(Published(_manifest(value, slot, message.offset() or 0), message.timestamp()[1]))
    return found


def _manifest(value: bytes, slot: SlotName, offset: int) -> Manifest:
    try:
        return manifests_schema.decode(value)
    except msgspec.DecodeError as broken:
        text = f"{slot} offset {offset} holds no manifest ({broken}); only engagement-jobs may write to this topic"
        raise EngagementError(text) from broken
