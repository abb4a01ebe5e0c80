"""What a person decides about a slot: count it again from the log, or go on past records that are gone.

Both are one checkpoint under the same compare-and-swap as every other write, so a worker that owns the slot after all
finds that somebody else wrote, reloads, and goes on from there.
"""

from collections.abc import Callable

import msgspec
import redis

from schemas.exits import Blocked, EngagementError
from store.layout import BEING_EMPTIED, LAYOUT_VERSION, Gap, Header, SlotName, empty_header
from store.offsets import LogBounds
from store.purge import claim, purge
from store.redo import RedoRecord, encode_redo
from store.slots import Answer, SlotStore
from stream.guard import check_layout

TRIES = 10


class Partition(msgspec.Struct, frozen=True):
    """What the broker says about a slot's partition. `owner` is the group member that has it, None for nobody."""

    slot: SlotName
    log: LogBounds
    topic_id: str
    owner: str | None


class Outcome(msgspec.Struct, frozen=True):
    """What a command did to a slot: where it goes on, and where it stood before (None: nowhere)."""

    topic: str
    partition: int
    from_offset: int | None
    next_offset: int


def refusal(partition: Partition, header: Header | None) -> str | None:
    """Why this slot must not be counted again unless somebody insists, or None.

    `header` is what is stored, None where nothing is or where it cannot be read.
    """
    slot, start = partition.slot, partition.log.start
    if partition.owner is not None:
        return f"{slot} is owned by {partition.owner}; stop it first, or use --force"
    if header is None and start > 0:
        return f"{slot} has no readable header and its log starts at {start}, so records may be gone; use --force"
    if header is not None and header.topic_id != partition.topic_id:
        return f"{slot} was counted from a topic that was deleted since; use --force to lose its figures"
    if header is not None and start > header.first_offset:
        return (
            f"the log of {slot} starts at {start} and no longer reaches back to the slot's first offset "
            f"{header.first_offset}, so figures would be lost; use --force to lose them"
        )
    return None


def rebuild(client: redis.Redis, partition: Partition, timezone: str, new_id: Callable[[], bytes]) -> Outcome:
    """Empty the slot and set it to the start of its log. Whether that is wise is for `refusal` to say, before.

    Raises Unavailable, or EngagementError where somebody else keeps writing.
    """
    store, slot, start = SlotStore(client), partition.slot, partition.log.start
    empty = empty_header(timezone, partition.topic_id, start)
    for _ in range(TRIES):
        stood = readable(store, slot)
        # What strings are there is unknown without a header, and none of them may show through in the new slot.
        stored = stood or _emptied(client, store, slot, empty, new_id())
        if stored is not None and _write(store, slot, stored, empty, new_id()):
            return Outcome(slot.topic, slot.partition, stood.header.next_offset if stood else None, start)
    raise EngagementError(_contended(slot))


def _emptied(
    client: redis.Redis, store: SlotStore, slot: SlotName, empty: Header, state_id: bytes
) -> RedoRecord | None:
    """The claim under which all strings were deleted, None where somebody else wrote a header meanwhile."""
    record = encode_redo(state_id, msgspec.structs.replace(empty, layout=BEING_EMPTIED), (), None)
    if not claim(client, slot, record, lambda: readable(store, slot) is None):
        return None
    purge(client, slot)
    return record


def accept_gap(
    store: SlotStore, partition: Partition, truncated: Callable[[SlotName, Header], bool], new_id: Callable[[], bytes]
) -> Outcome:
    """Keep the slot's figures and go on at the nearest offset that the log has, with the gap noted in the header.

    `truncated` says whether the log has other records now below the offset that is next. Raises EngagementError where
    there is no gap or no slot, Blocked for a slot that cannot be read or has another layout, Unavailable.
    """
    slot = partition.slot
    for _ in range(TRIES):
        stored = store.stored(slot)
        if stored is None:
            message = f"{slot} has nothing stored, so there are no figures to keep; use `engagement-stream rebuild`"
            raise EngagementError(message)
        check_layout(slot, stored.header)
        moved = past_gap(partition, stored.header) or _past_truncation(partition, stored.header, truncated)
        if _write(store, slot, stored, moved, new_id()):
            return Outcome(slot.topic, slot.partition, stored.header.next_offset, moved.next_offset)
    raise EngagementError(_contended(slot))


def past_gap(partition: Partition, header: Header) -> Header | None:
    """The header that goes on past the gap, None where the next offset is within the log."""
    log = partition.log
    target = min(max(header.next_offset, log.start), log.end)
    if header.topic_id != partition.topic_id:
        # Offsets of the old topic mean nothing in the new one: all of it is still to be counted.
        target = log.start
    elif target == header.next_offset:
        return None
    return _moved(header, partition.topic_id, target)


def _past_truncation(partition: Partition, header: Header, truncated: Callable[[SlotName, Header], bool]) -> Header:
    slot, log = partition.slot, partition.log
    if not truncated(slot, header):
        message = (
            f"{slot} has no gap: its next offset {header.next_offset} is within its log ({log.start} to {log.end})"
        )
        raise EngagementError(message)
    return _moved(header, partition.topic_id, header.next_offset)


def _moved(header: Header, topic_id: str, target: int) -> Header:
    """The header at `target`. The epoch is left out: the log as it is now is taken for the right one."""
    gaps = (*header.gaps, Gap(header.next_offset, target))
    return msgspec.structs.replace(header, topic_id=topic_id, next_offset=target, leader_epoch=None, gaps=gaps)


def readable(store: SlotStore, slot: SlotName) -> RedoRecord | None:
    """The stored record, None where there is none or none that this version can read. Raises Unavailable."""
    try:
        record = store.stored(slot)
    except Blocked:
        return None
    return record if record is not None and record.header.layout == LAYOUT_VERSION else None


def _write(store: SlotStore, slot: SlotName, stored: RedoRecord | None, header: Header, state_id: bytes) -> bool:
    """Write one checkpoint after `stored`, dropping what `header` does not name. False where somebody else wrote."""
    if stored is not None:
        header = msgspec.structs.replace(header, previous=stored.state_id, sequence=stored.header.sequence + 1)
    record = encode_redo(state_id, header, (), stored.header if stored else None)
    return store.checkpoint(slot, stored, record) is not Answer.OTHER


def _contended(slot: SlotName) -> str:
    return f"{slot} was written by somebody else {TRIES} times in a row; stop its worker and run this again"
