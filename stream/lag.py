"""How far each slot is behind its log, from Redis and the broker alone: it works with no worker running.

An unknown lag is never reported as 0: where the stored offset does not belong to the log that is there now, the lag
is None and the note says why.
"""

from collections.abc import Mapping

import msgspec
import redis
from confluent_kafka.admin import AdminClient

from schemas.exits import Blocked, Obstacle
from schemas.settings import Settings
from store.layout import BEING_EMPTIED, LAYOUT_VERSION, Header, SlotName
from store.offsets import LogBounds, log_bounds, partitions, topic_ids
from store.remedies import rebuild, ways, ways_past_gap, ways_to_restore
from store.slot_headers import slot_headers

OTHER_TOPIC = "the slot was counted from a topic of this name that was deleted since"
BEFORE_START = "the log no longer holds the stored offset"
PAST_END = "the stored offset is past the end of the log"
NO_SLOT = "nothing stored yet"
EMPTIED = "the slot is being emptied"


class LagRow(msgspec.Struct, frozen=True):
    """One partition. Offsets are those of the next record; `log_end` is the last stable offset. `lag` is in offsets."""

    topic: str
    partition: int
    log_start: int
    log_end: int
    stored_offset: int | None
    lag: int | None
    note: str | None
    obstacle: Obstacle | None
    """Why the slot cannot go on until a person decides."""


def read_lag(admin: AdminClient, client: redis.Redis, settings: Settings) -> list[LagRow]:
    """The lag of every partition of both input topics, sorted.

    Raises Unavailable where Kafka or Redis gives no answer, EngagementError for a missing topic.
    """
    topics = (settings.topics.actions, settings.topics.accounts)
    slots = [SlotName(topic, i) for topic, count in partitions(admin, topics).items() for i in range(count)]
    # Redis before the log's end: the other way round a busy slot would look as if it were past its log.
    headers = slot_headers(client, slots)
    return lag_rows(log_bounds(admin, topics), headers, topic_ids(admin, topics), settings.timezone)


def lag_rows(
    bounds: Mapping[SlotName, LogBounds],
    headers: Mapping[SlotName, Header | Blocked],
    ids: Mapping[str, str],
    timezone: str,
) -> list[LagRow]:
    """The rows, from what the broker says of the logs and topic ids, and Redis of the slots."""
    return [lag_row(slot, log, headers.get(slot), ids[slot.topic], timezone) for slot, log in sorted(bounds.items())]


def lag_row(slot: SlotName, log: LogBounds, header: Header | Blocked | None, topic_id: str, timezone: str) -> LagRow:
    """The row of one slot; `timezone` is that of the settings."""
    stored = header.next_offset if isinstance(header, Header) else None
    lag, note, obstacle = _judge(slot, log, header, topic_id, timezone)
    return LagRow(slot.topic, slot.partition, log.start, log.end, stored, lag, note, obstacle)


def _judge(
    slot: SlotName, log: LogBounds, header: Header | Blocked | None, topic_id: str, timezone: str
) -> tuple[int | None, str | None, Obstacle | None]:
    if isinstance(header, Blocked):
        return None, str(header), Obstacle.UNREADABLE
    if header is None:
        return log.end - log.start, NO_SLOT, None
    holding = ((note, obstacle) for holds, note, obstacle in _obstacles(slot, log, header, topic_id, timezone) if holds)
    note, obstacle = next(holding, (None, None))
    if obstacle is Obstacle.BEING_EMPTIED:
        return log.end - log.start, note, obstacle
    return (None if obstacle in _FOREIGN else log.end - header.next_offset), note, obstacle


_FOREIGN = (Obstacle.OTHER_TOPIC, Obstacle.PAST_END, Obstacle.BEFORE_START)
"""Then the stored offset says nothing about this log."""


def _obstacles(
    slot: SlotName, log: LogBounds, header: Header, topic_id: str, timezone: str
) -> tuple[tuple[bool, str, Obstacle], ...]:
    """What may keep a slot from going on, and whether it does, foreign offsets first: their lag is unknown."""
    again, offset = rebuild(slot), header.next_offset
    emptied = f"{EMPTIED}; if no `rebuild` runs any more, run {again} again"
    other_layout = (
        f"the slot has layout {header.layout}, this version reads {LAYOUT_VERSION}: "
        f"run that which wrote it, or stop all workers and count again with {again}"
    )
    other_days = (
        f"counted in days of {header.timezone}, but timezone is {timezone}: set it back, or count again with {again}"
    )
    return (
        (header.layout == BEING_EMPTIED, emptied, Obstacle.BEING_EMPTIED),
        (header.topic_id != topic_id, f"{OTHER_TOPIC}; {ways(slot)}", Obstacle.OTHER_TOPIC),
        (offset > log.end, f"{PAST_END}; {ways_past_gap(slot)}", Obstacle.PAST_END),
        (offset < log.start, f"{BEFORE_START}; {ways_past_gap(slot)}", Obstacle.BEFORE_START),
        (header.layout != LAYOUT_VERSION, other_layout, Obstacle.LAYOUT),
        (header.timezone != timezone, other_days, Obstacle.TIMEZONE),
    )


def lost_note(slot: SlotName) -> str:
    """The note for a slot that Redis does not have although it was counted before."""
    return f"Redis has no slot, but it was counted before: {ways_to_restore(slot)}"
