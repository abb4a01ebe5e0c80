"""How far each slot is behind its log, from Redis and the broker alone: it works with no worker running.

An unknown lag is never reported as 0: where the stored offset does not belong to the log that is there now, the lag
is None and the note says why.
"""

from collections.abc import Mapping

import msgspec
from confluent_kafka.admin import AdminClient

from schemas.exits import Blocked
from schemas.settings import Settings
from store.layout import BEING_EMPTIED, Header, SlotName
from store.offsets import LogBounds, log_bounds, partitions, topic_ids
from store.slots import SlotStore

OTHER_TOPIC = "the slot was counted from a topic of this name that was deleted since: see rebuild and accept-gap"
BEFORE_START = "the log no longer holds the stored offset: see rebuild and accept-gap"
PAST_END = "the stored offset is past the end of the log: see rebuild and accept-gap"
NO_SLOT = "nothing stored yet"
EMPTIED = "the slot is being emptied; if no `engagement-stream rebuild` runs any more, run it again"


class LagRow(msgspec.Struct, frozen=True):
    """One partition. Offsets are those of the next record; `log_end` is the last stable offset. `lag` is in offsets."""

    topic: str
    partition: int
    log_start: int
    log_end: int
    stored_offset: int | None
    lag: int | None
    note: str | None


def read_lag(admin: AdminClient, store: SlotStore, settings: Settings) -> list[LagRow]:
    """The lag of every partition of both input topics, sorted.

    Raises Unavailable where Kafka or Redis gives no answer, EngagementError for a missing topic.
    """
    topics = (settings.topics.actions, settings.topics.accounts)
    slots = [SlotName(topic, i) for topic, count in partitions(admin, topics).items() for i in range(count)]
    # Redis before the log's end: the other way round a busy slot would look as if it were past its log.
    headers = {slot: found for slot in slots if (found := _header(store, slot)) is not None}
    return lag_rows(log_bounds(admin, topics), headers, topic_ids(admin, topics))


def lag_rows(
    bounds: Mapping[SlotName, LogBounds], headers: Mapping[SlotName, Header | Blocked], ids: Mapping[str, str]
) -> list[LagRow]:
    """The rows, from what the broker says of the logs and topic ids, and Redis of the slots."""
    return [_row(slot, log, headers.get(slot), ids[slot.topic]) for slot, log in sorted(bounds.items())]


def _header(store: SlotStore, slot: SlotName) -> Header | Blocked | None:
    try:
        record = store.stored(slot)
    except Blocked as blocked:
        return blocked
    return record.header if record else None


def _row(slot: SlotName, log: LogBounds, header: Header | Blocked | None, topic_id: str) -> LagRow:
    stored = header.next_offset if isinstance(header, Header) else None
    lag, note = _judge(log, header, topic_id)
    return LagRow(slot.topic, slot.partition, log.start, log.end, stored, lag, note)


def _judge(log: LogBounds, header: Header | Blocked | None, topic_id: str) -> tuple[int | None, str | None]:
    if isinstance(header, Blocked):
        return None, str(header)
    if header is None or header.layout == BEING_EMPTIED:
        return log.end - log.start, EMPTIED if header else NO_SLOT
    foreign = _foreign(log, header, topic_id)
    return (None, foreign) if foreign else (log.end - header.next_offset, None)


def _foreign(log: LogBounds, header: Header, topic_id: str) -> str | None:
    """Why the stored offset says nothing about this log, None where it does."""
    if header.topic_id != topic_id:
        return OTHER_TOPIC
    if header.next_offset > log.end:
        return PAST_END
    return BEFORE_START if header.next_offset < log.start else None
