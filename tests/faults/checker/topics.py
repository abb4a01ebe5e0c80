"""What the broker says of the system's topics: partitions, ids, ends; and their committed records."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.faults.checker.slots import Place

SECONDS = 30.0
STALLED_SECONDS = 120.0
MESSAGES = 10_000
PAUSE = 0.1

Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer], failures: tuple[type[Exception], ...], seconds: float = SECONDS) -> Answer:
    """What ``ask`` returns, which is asked again while it fails: servers may be down at times."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except failures:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


class Topics:
    """Raises KafkaException where the broker gives no answer."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 5_000})

    def described(self, topics: list[str], seconds: float = 5.0) -> dict[str, tuple[str, int]]:
        """Id and partition count of those that exist."""
        found: dict[str, tuple[str, int]] = {}
        for name, future in self._admin.describe_topics(TopicCollection(topics), request_timeout=seconds).items():
            try:
                said = future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
            else:
                found[name] = (str(said.topic_id), len(said.partitions))
        return found

    def places(self, topics: list[str], seconds: float = 5.0) -> list[Place]:
        """All partitions of those that exist."""
        found = self.described(topics, seconds)
        return [(topic, partition) for topic in topics if topic in found for partition in range(found[topic][1])]

    def starts(self, places: list[Place]) -> dict[Place, int]:
        return self._offsets(places, OffsetSpec.earliest())

    def ends(self, places: list[Place], *, seconds: float = 5.0) -> dict[Place, int]:
        """Last stable offsets."""
        return self._offsets(places, OffsetSpec.latest(), seconds=seconds)

    def _offsets(self, places: list[Place], spec: OffsetSpec, *, seconds: float = 5.0) -> dict[Place, int]:
        level = IsolationLevel.READ_COMMITTED
        if not places:
            return {}
        wanted = {TopicPartition(*place): spec for place in places}
        futures = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=seconds)
        return {(at.topic, at.partition): future.result().offset for at, future in futures.items()}

    def read(self, legs: Mapping[Place, tuple[int, int]]) -> Iterator[tuple[Place, list[Message]]]:
        """The records of each leg (from, to), in order within a place; fails where the log does not come that far."""
        left = {place: end for place, (start, end) in legs.items() if start < end}
        if not left:
            return
        with closing(_consumer(self._bootstrap)) as consumer:
            consumer.assign([TopicPartition(*place, legs[place][0]) for place in left])
            progress = time.monotonic()
            while left:
                messages = consumer.consume(MESSAGES, 0.5)
                if messages:
                    progress = time.monotonic()
                assert time.monotonic() - progress < STALLED_SECONDS, f"the logs stop before {left}"
                yield from _sorted_out(messages, left, consumer)


def _consumer(bootstrap: str) -> Consumer:
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "group.id": "checker",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "fetch.message.max.bytes": 8_000_000,
        "fetch.queue.backoff.ms": 5,
        "queued.max.messages.kbytes": 131_072,
    }
    return Consumer(settings)


def _sorted_out(
    messages: list[Message], left: dict[Place, int], consumer: Consumer
) -> Iterator[tuple[Place, list[Message]]]:
    """By place, those below what is left to read of it; takes places out of ``left`` that are read to their end."""
    by_place: dict[Place, list[Message]] = {}
    for message in messages:
        place = (message.topic(), message.partition())
        end = left.get(place)  # type: ignore[arg-type]
        if end is None:
            continue
        error = message.error()
        offset: int = message.offset()  # type: ignore[assignment]
        if error is None and offset < end:
            by_place.setdefault(place, []).append(message)  # type: ignore[arg-type]
            if offset + 1 < end:
                continue
        elif error is not None:
            _refuse(error)
            if offset < end:
                continue
        del left[place]  # type: ignore[arg-type]
        consumer.pause([TopicPartition(*place)])  # type: ignore[arg-type]
    yield from by_place.items()


def _refuse(error: KafkaError) -> None:
    """Fail where an error is not just the end of a partition or a broker that is away."""
    passing = (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001
    if error.code() not in passing and not error.retriable():
        raise KafkaException(error)
