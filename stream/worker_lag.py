"""How far one owned slot is behind, from what its worker notes. What is not known for sure is None, never 0."""

import time

import msgspec

from stream.worker_state import SlotState

FRESH_SECONDS = 3.0
"""For how long the answer about a log's end says that there is nothing behind it."""


class Now(msgspec.Struct, frozen=True):
    """One moment by both clocks, in seconds: monotonic, and since the epoch."""

    monotonic: float
    epoch: float


def now() -> Now:
    """This moment."""
    return Now(time.monotonic(), time.time())


class Lag(msgspec.Struct, frozen=True):
    """In offsets, and as the age of the oldest record that is not stored."""

    records: int | None
    seconds: float | None


def lag_of(slot: SlotState, at: Now) -> Lag:
    """The lag of a slot at that moment."""
    stored, end = slot.stored_offset, slot.log_end
    if stored is None:
        return Lag(None, None)
    fresh = end is not None and at.monotonic - end.asked_at <= FRESH_SECONDS
    records = max(0, end.offset - stored) if end is not None and fresh else None
    if slot.uncounted_timestamp is not None:
        return Lag(records, _age(slot.uncounted_timestamp, at))
    if records == 0:
        return Lag(0, 0.0)
    # There are records that this worker has not fetched, as while it is paused.
    oldest = slot.oldest
    known = oldest is not None and oldest.at_offset == stored and at.monotonic - oldest.asked_at <= FRESH_SECONDS
    if records is None or oldest is None or not known:
        return Lag(records, None)
    return Lag(records, 0.0 if oldest.timestamp is None else _age(oldest.timestamp, at))


def _age(timestamp: int, at: Now) -> float:
    return max(0.0, at.epoch - timestamp / 1000)
