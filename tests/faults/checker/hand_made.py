"""States of a system made by hand, right and wrong: one partition of actions, its slot, its rejects."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from store.layout import Header, SlotName
from store.offsets import topic_ids
from store.redo import RedoRecord, Write, encode_redo
from store.slots import Answer, SlotStore
from tests.acceptance.engine import Put, produce
from tests.faults.checker import Report

BAD = b"no JSON"
REASON = "malformed_json"


class HandMade:
    """A log, and checkpoints of its slot. ``store`` and ``force`` go on from the last record that was stored."""

    def __init__(self, kafka: str, client: redis.Redis, prefix: str, topic: str = "actions") -> None:
        self.kafka, self.client, self.prefix = kafka, client, prefix
        self.topic = f"{prefix}{topic}"
        self.slot = SlotName(self.topic, 0)
        self._slots = SlotStore(client)
        self.stored: RedoRecord | None = None
        topic_id = topic_ids(AdminClient({"bootstrap.servers": kafka}), [self.topic])[self.topic]
        self.header = Header(timezone="UTC", topic_id=topic_id, next_offset=0, first_offset=0)

    def send(self, *values: bytes | None) -> None:
        """Append to the log."""
        produce(self.kafka, [Put(self.topic, None, value, 0) for value in values])

    def reject(self, offset: int, value: bytes | None = BAD, reason: str = REASON, key: bytes | None = None) -> None:
        """Append to the rejects topic."""
        where = {"topic": self.topic, "partition": "0", "offset": str(offset)}
        said = {"reason": reason, "detail": "made by hand", **where}
        headers: list[tuple[str, str | bytes | None]] = [(name, text.encode()) for name, text in said.items()]
        produce_with_headers(self.kafka, f"{self.prefix}rejects", key, value, headers)

    def record(self, writes: Sequence[Write] = (), **changes: Any) -> RedoRecord:  # noqa: ANN401  fields of a header
        """The next record: of this header, with all that a right one says of the one before it."""
        stored = self.stored
        right = {"sequence": self.header.sequence + 1, "previous": stored.state_id if stored else b""}
        self.header = msgspec.structs.replace(self.header, **{**right, **changes})
        return encode_redo(secrets.token_bytes(16), self.header, writes, stored.header if stored else None)

    def store(self, writes: Sequence[Write] = (), **changes: Any) -> None:  # noqa: ANN401
        """A checkpoint as the product makes it."""
        record = self.record(writes, **changes)
        assert self._slots.checkpoint(self.slot, self.stored, record) is Answer.APPLIED
        self.stored = record

    def force(self, writes: Sequence[Write] = (), **changes: Any) -> None:  # noqa: ANN401
        """A checkpoint that asks nobody."""
        record = self.record(writes, **changes)
        self.client.set(self.slot.redo_key, record.encoded)
        self.stored = record

    def go_on_from_stored(self) -> None:
        """Take what Redis holds for the last record."""
        self.stored = self._slots.stored(self.slot)
        assert self.stored is not None
        self.header = self.stored.header

    def string(self, name: str) -> bytes:
        """A string as a reader finds it."""
        assert self.stored is not None
        return bytes(self._slots.read(self.slot, self.stored, [name])[name])

    def consume(self, count: int, *, deliver: bool = True) -> None:
        """Count so many bad records as a good worker does."""
        start = self.header.next_offset
        self.send(*[BAD] * count)
        if deliver:
            for offset in range(start, start + count):
                self.reject(offset)
        self.store(next_offset=start + count, rejected=self.header.rejected + count)


def produce_with_headers(
    kafka: str, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, str | bytes | None]]
) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(topic, value, key, headers=headers)
    assert producer.flush(30) == 0


def found(report: Report) -> set[str]:
    """The invariants that do not hold."""
    return {violation.invariant for violation in report.violations}
