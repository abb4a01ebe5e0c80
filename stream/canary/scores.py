"""What a published run says of the canary's account, beside what was sent and what the counters hold."""

import time
from collections.abc import Callable, Iterator, Mapping

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError, Unavailable
from schemas.scores import ScoreRecord
from schemas.settings import Settings
from store.connect import kafka_consumer
from store.denied import read_failure
from store.layout import SlotName
from store.offsets import high_watermarks, log_bounds, partitions
from store.reached import reached
from store.runs import Published

READ_SECONDS = 300.0
BEFORE_MS = 900_000
"""So long before its manifest the first record of a run may have come: three times what its transaction may take."""
LONGEST_WINDOW = 14
_BATCH = 1_000
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 30.0

CountOf = Callable[[int], int]
"""The actions of the account on a day."""


class ScoreCheck(msgspec.Struct, frozen=True):
    """Of one run: `difference` is its figure of the account minus the sum of the days; None where there was nothing."""

    run_id: str
    as_of: int
    difference: int | None


def score_check(run: Published, as_of: int, record: ScoreRecord | None, count_of: CountOf) -> ScoreCheck:
    """Compare the actions that a run publishes with the days that it considers; without a record it publishes none."""
    considered = LONGEST_WINDOW if record is None else record.days_considered
    expected = sum(count_of(day) for day in range(as_of - considered + 1, as_of + 1))
    run_id = run.manifest.run_id
    if record is None:
        return ScoreCheck(run_id, as_of, -expected if expected else None)
    return ScoreCheck(run_id, as_of, record.actions - expected)


def published_record(
    settings: Settings, admin: AdminClient, account: str, run: Published, clock: Callable[[], float] = time.monotonic
) -> ScoreRecord | None:
    """The account's score record of a run, None where the run has none.

    Reads all records since BEFORE_MS before the manifest. Raises Denied, Unavailable also beyond READ_SECONDS and while
    the record may be there but not be visible yet, EngagementError for a value that is no score record.
    """
    topic, group = settings.topics.scores, settings.topics.runs
    slots = [SlotName(topic, number) for number in range(partitions(admin, [topic])[topic])]
    tops = high_watermarks(admin, slots)  # before the ends: what comes later is no part of the run
    ends = {slot: bounds.end for slot, bounds in log_bounds(admin, [topic]).items()}
    # Partitions are assigned by hand: the group is never joined and nothing is committed to it.
    consumer = kafka_consumer(settings, **{"group.id": group, "enable.partition.eof": True})
    found: ScoreRecord | None = None
    try:
        for value in _values(consumer, _starts(consumer, ends, run.timestamp - BEFORE_MS), ends, account, clock):
            record = _decoded(value, topic)
            if record.run_id == run.manifest.run_id:
                found = record
    except KafkaException as error:
        raise read_failure(error.args[0], topic, topic, group) from error
    finally:
        consumer.close()
    # The marker that commits a run comes to each partition in its own time, to that of the manifest maybe first.
    if found is None and any(top > ends.get(slot, 0) for slot, top in tops.items()):
        raise Unavailable(f"a transaction is open in {topic}; the run may be whole later")
    return found


def _decoded(value: bytes, topic: str) -> ScoreRecord:
    try:
        return msgspec.json.decode(value, type=ScoreRecord)
    except msgspec.DecodeError as error:
        raise EngagementError(f"{topic} holds something under the canary's key that is no score: {error}") from error


def _starts(consumer: Consumer, ends: Mapping[SlotName, int], moment: int) -> dict[SlotName, int]:
    """Where reading has to begin in each partition that has something since the moment."""
    asked = [TopicPartition(slot.topic, slot.partition, moment) for slot in ends]
    places = consumer.offsets_for_times(asked, timeout=_ANSWER_SECONDS)
    starts = {SlotName(place.topic, place.partition): place.offset for place in places}
    return {slot: start for slot, start in starts.items() if 0 <= start < ends[slot]}


def _values(
    consumer: Consumer,
    starts: Mapping[SlotName, int],
    ends: Mapping[SlotName, int],
    account: str,
    clock: Callable[[], float],
) -> Iterator[bytes]:
    """The account's values below the ends."""
    consumer.assign([TopicPartition(slot.topic, slot.partition, start) for slot, start in starts.items()])
    key, left, deadline = account.encode(), set(starts), clock() + READ_SECONDS
    while left:
        if clock() > deadline:
            raise Unavailable(f"the scores were not read to their end in {READ_SECONDS:g} s")
        for message in consumer.consume(_BATCH, _POLL_SECONDS):
            slot, offset = reached(message)
            value = message.value()
            if message.error() is None and value is not None and message.key() == key:
                yield value
            if offset >= ends.get(slot, offset + 1):
                left.discard(slot)
