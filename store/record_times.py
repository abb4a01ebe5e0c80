"""The timestamp of the oldest record that a slot has not counted, read from the log itself.

A consumer without a group reads one record at each stored offset. Records of aborted transactions, transaction markers
and what compaction removed are passed over, as the worker passes them. What was read once holds for as long as the
stored offset has not passed it, so a slot that stands still costs one read in all.
"""

import time
from collections.abc import Callable, Mapping

import msgspec
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.settings import Settings
from store.connect import kafka_consumer
from store.layout import SlotName

READ_SECONDS = 5.0
_POLL_SECONDS = 0.05
_FEW = {
    # A partition that answered is paused, and nothing is fetched ahead: about one batch of records a question.
    "queued.min.messages": 1,
    "fetch.message.max.bytes": 16 * 1024,
    "fetch.wait.max.ms": 10,
    "fetch.queue.backoff.ms": 1,
    "enable.partition.eof": True,
}


class Uncounted(msgspec.Struct, frozen=True):
    """The offsets of a log that are still to be counted; `end` is the last stable offset."""

    topic_id: str
    start: int
    end: int


class Oldest(msgspec.Struct, frozen=True):
    """The first record among uncounted offsets: ms since the epoch, None where there is no record among them."""

    timestamp: int | None


class _Known(msgspec.Struct, frozen=True):
    """From `start` to `offset` (exclusive) there is no record; at `offset` there is one, if it has a timestamp."""

    topic_id: str
    start: int
    offset: int
    timestamp: int | None


class RecordTimes:
    """Remembers what it read. Not for several threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._known: dict[SlotName, _Known] = {}
        self._consumer: Consumer | None = None
        self.reads = 0
        """Records that were asked for so far."""

    def close(self) -> None:
        """Give the consumer up."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def oldest(self, uncounted: Mapping[SlotName, Uncounted]) -> dict[SlotName, Oldest]:
        """The oldest record of each; a slot of which the broker did not say within READ_SECONDS is left out."""
        self._known = {slot: known for slot, known in self._known.items() if slot in uncounted}
        asked = {slot: wanted for slot, wanted in uncounted.items() if self._answer(slot, wanted) is None}
        if asked:
            self._read(asked)
        found = {slot: self._answer(slot, wanted) for slot, wanted in uncounted.items()}
        return {slot: answer for slot, answer in found.items() if answer is not None}

    def _answer(self, slot: SlotName, wanted: Uncounted) -> Oldest | None:
        if wanted.start >= wanted.end:
            return Oldest(None)
        known = self._known.get(slot)
        if known is None or known.topic_id != wanted.topic_id or not known.start <= wanted.start <= known.offset:
            return None
        if known.offset >= wanted.end:
            return Oldest(None)
        return None if known.timestamp is None else Oldest(known.timestamp)

    def _read(self, asked: Mapping[SlotName, Uncounted]) -> None:
        self.reads += len(asked)
        if self._consumer is None:
            # The group is never joined and nothing is committed, but librdkafka wants its name.
            self._consumer = kafka_consumer(self._settings, **{"group.id": self._settings.group_id, **_FEW})
        consumer = self._consumer
        try:
            places = [TopicPartition(slot.topic, slot.partition, one.start) for slot, one in asked.items()]
            consumer.assign(places)
            consumer.resume(places)  # a partition stays paused over assignments
            self._poll(consumer, dict(asked))
            consumer.unassign()
        except KafkaException:
            self.close()

    def _poll(self, consumer: Consumer, open_questions: dict[SlotName, Uncounted]) -> None:
        deadline = self._clock() + READ_SECONDS
        while open_questions and self._clock() < deadline:
            event = consumer.poll(_POLL_SECONDS)
            if event is None:
                continue
            slot = SlotName(event.topic() or "", event.partition() or 0)
            wanted = open_questions.get(slot)
            if wanted is None or not self._note(slot, wanted, event):
                continue
            del open_questions[slot]
            if open_questions:  # else its other records keep those of the rest from coming
                consumer.pause([TopicPartition(slot.topic, slot.partition)])

    def _note(self, slot: SlotName, wanted: Uncounted, event: Message) -> bool:
        """Remember what an event says; whether the question is settled by it, known or not."""
        offset, error = event.offset() or 0, event.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's public name
                return error.code() == KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001  as above
            if offset < wanted.end:
                return False  # the broker's view of the end lags
            self._known[slot] = _Known(wanted.topic_id, wanted.start, offset, None)
            return True
        kind, timestamp = event.timestamp()
        known = None if kind == TIMESTAMP_NOT_AVAILABLE else timestamp
        self._known[slot] = _Known(wanted.topic_id, wanted.start, offset, known)
        return True
