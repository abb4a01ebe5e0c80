"""Reading the manifests of published runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import manifest as manifests_schema
from schemas.exits import Denied, EngagementError, Unavailable
from schemas.manifest import Manifest
from schemas.settings import Settings
from store.connect import kafka_admin, kafka_consumer
from store.denied import read_denial
from store.layout import SlotName
from store.offsets import high_watermark, log_bounds, partitions

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
    end = high_watermark(admin, slot) if wait_for_open else bounds.end
    if bounds.start >= end:
        return []
    # Partitions are assigned by hand: the group is never joined and nothing is committed to it.
    consumer = kafka_consumer(settings, **{"group.id": _group(slot), "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(slot.topic, slot.partition, bounds.start)])
        return _read(consumer, slot, end, clock)
    finally:
        consumer.close()


def _group(slot: SlotName) -> str:
    """The name of the group that reads the runs: that of their topic."""
    return slot.topic


def _read(consumer: Consumer, slot: SlotName, end: int, clock: Callable[[], float]) -> list[Published]:
    """Runs up to the offset `end`; markers of transactions show only in the offset of the end-of-log event."""
    found: list[Published] = []
    deadline = clock() + READ_SECONDS
    reached = 0
    while reached < end:
        if clock() > deadline:
            text = f"{slot}: read to offset {reached} of {end} in {READ_SECONDS:g} s: a transaction is open; run again"
            raise Unavailable(text)
        try:
            messages = consumer.consume(_BATCH, _POLL_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"{slot} cannot be read: {error.args[0].str()}") from error
        for message in messages:
            offset, manifest = _manifest(message, slot)
            reached = max(reached, offset)
            if manifest is not None:
                found.append(Published(manifest, message.timestamp()[1]))
    return found


def _manifest(message: Message, slot: SlotName) -> tuple[int, Manifest | None]:
    """The next offset after a message, and the manifest that it holds, if any."""
    offset = message.offset() or 0
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's public name for the event
            return offset, None
        if error.retriable() or error.code() == KafkaError._TRANSPORT:  # noqa: SLF001  as above
            return 0, None
        raise read_denial(error, slot.topic, _group(slot)) or Unavailable(f"{slot} cannot be read: {error.str()}")
    value = message.value()
    if value is None:
        return offset + 1, None
    try:
        return offset + 1, manifests_schema.decode(value)
    except msgspec.DecodeError as broken:
        text = f"{slot} offset {offset} holds no manifest ({broken}); only engagement-jobs may write to this topic"
        raise EngagementError(text) from broken
