"""Reading the rejects topic: refused records, and the marks of those that were sent again.

A reject is there at least once, so what tells one from another is its source: the place in the input topic that it was
read from. A mark has the same three headers, `retried` instead of `reason`, and no value.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.exits import Unavailable
from schemas.settings import Settings
from store.connect import kafka_consumer
from store.denied import read_failure
from store.layout import SlotName
from store.offsets import LogBounds
from store.reached import reached

IDLE_SECONDS = 60.0
"""How long the broker may bring nothing before reading is given up."""
MARK = "retried"
_BATCH = 500
_POLL_SECONDS = 0.2

_Headers = list[tuple[str, bytes | None]]


class Place(msgspec.Struct, frozen=True, order=True):
    """One record of an input topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


class Rejected(msgspec.Struct, frozen=True):
    """A refused record. `held_in` is a partition of the rejects topic, `at` (ms since the epoch) when it came there."""

    source: Place
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    held_in: int
    at: int


class Mark(msgspec.Struct, frozen=True):
    """Says that the record of this place was sent again."""

    source: Place


def read_rejects(
    settings: Settings,
    bounds: Mapping[SlotName, LogBounds],
    since: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Rejected | Mark]:
    """All committed records within bounds, in order within a partition; `since` (ms) leaves out what came before it.

    Records that are neither, such as those that another program wrote, are passed over. Raises Unavailable where the
    broker brings nothing for IDLE_SECONDS, Denied.
    """
    open_ends = {slot: log.end for slot, log in bounds.items() if log.start < log.end}
    if not open_ends:
        return
    # The group is never joined and nothing is committed, but librdkafka wants its name.
    consumer = kafka_consumer(settings, **{"group.id": settings.group_id, "enable.partition.eof": True})
    try:
        consumer.assign(_starts(consumer, {slot: bounds[slot] for slot in open_ends}, since))
        for message in _until(consumer, open_ends, settings, clock):
            record = parse(message)
            if record is not None and (since is None or message.timestamp()[1] >= since):
                yield record
    except KafkaException as error:
        topic = settings.topics.rejects
        raise read_failure(error.args[0], topic, topic, "<topic_prefix>stream") from error
    finally:
        consumer.close()


def parse(message: Message) -> Rejected | Mark | None:
    """What a record of the rejects topic says, None for one that is not ours."""
    headers = {name: _text(value) for name, value in cast("_Headers", message.headers() or [])}
    try:
        source = Place(headers["topic"], int(headers["partition"]), int(headers["offset"]))
    except (KeyError, ValueError):
        return None
    if MARK in headers:
        return Mark(source)
    if "reason" not in headers:
        return None
    return Rejected(
        source=source,
        reason=headers["reason"],
        detail=headers.get("detail", ""),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        held_in=message.partition() or 0,
        at=message.timestamp()[1],
    )


def _starts(consumer: Consumer, bounds: Mapping[SlotName, LogBounds], since: int | None) -> list[TopicPartition]:
    places = [TopicPartition(slot.topic, slot.partition, log.start) for slot, log in bounds.items()]
    if since is None:
        return places
    asked = [TopicPartition(slot.topic, slot.partition, since) for slot in bounds]
    found = {(one.topic, one.partition): one.offset for one in consumer.offsets_for_times(asked, 10.0)}
    for place in places:
        at = found.get((place.topic, place.partition), -1)
        slot = SlotName(place.topic, place.partition)
        place.offset = at if at >= 0 else bounds[slot].end  # below 0: nothing is as new as that
    return places


def _until(
    consumer: Consumer, open_ends: dict[SlotName, int], settings: Settings, clock: Callable[[], float]
) -> Iterator[Message]:
    """The records below the ends."""
    heard = clock()
    while open_ends:
        messages = consumer.consume(_BATCH, _POLL_SECONDS)
        if clock() - heard > IDLE_SECONDS:
            raise Unavailable(f"{settings.topics.rejects}: nothing came for {IDLE_SECONDS:g} s; see the broker")
        for message in messages:
            slot, offset = reached(message)
            if message.error() is None:
                heard = clock()
                if offset <= open_ends.get(slot, 0):
                    yield message
            if offset >= open_ends.get(slot, offset + 1):
                del open_ends[slot]
                consumer.pause([TopicPartition(slot.topic, slot.partition)])


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
