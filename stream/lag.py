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
from store import obstacles
from store.layout import Header, SlotName
from store.obstacles import Found
from store.offsets import LogBounds, log_bounds, partitions, topic_ids
from store.remedies import ways_to_restore
from store.slot_headers import slot_headers

NO_SLOT = "nothing stored yet"


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
    found = _obstacles(slot, log, header, topic_id, timezone)
    first = found[0] if found else None
    if first is None:
        return log.end - header.next_offset, None, None
    if first.obstacle is Obstacle.BEING_EMPTIED:
        return log.end - log.start, first.note, first.obstacle
    foreign = any(one.obstacle in _FOREIGN for one in found)
    return None if foreign else log.end - header.next_offset, first.note, first.obstacle


_FOREIGN = (Obstacle.OTHER_TOPIC, Obstacle.PAST_END, Obstacle.BEFORE_START)
"""Then the stored offset says nothing about this log."""


def _obstacles(slot: SlotName, log: LogBounds, header: Header, topic_id: str, timezone: str) -> list[Found]:
    """What keeps a slot from going on, in the order in which a worker would find it."""
    found = (
        obstacles.of_layout(slot, header),
        obstacles.of_timezone(slot, header, timezone),
        obstacles.of_topic(slot, header.topic_id, topic_id),
        obstacles.of_log(slot, header.next_offset, log),
    )
    return [one for one in found if one is not None]


def lost_note(slot: SlotName) -> str:
    """The note for a slot that Redis does not have although it was counted before."""
    return f"Redis has no slot, but it was counted before: {ways_to_restore(slot)}"
