"""Whether a slot may go on from where it stands: the checks between loading a header and reading the log."""

import msgspec

from schemas.exits import Blocked, ConfigurationError, Obstacle, Unavailable
from store.layout import BEING_EMPTIED, LAYOUT_VERSION, Header, SlotName, empty_header
from store.offsets import LogBounds
from store.remedies import lost, lost_since, rebuild, ways, ways_past_gap


class Surroundings(msgspec.Struct, frozen=True):
    """What Kafka says about a slot. The second two are asked for only where it has no header, the last where it has."""

    topic_id: str
    bounds: LogBounds
    committed: int | None = None
    published: int | None = None
    """The next offset that the newest published run names for it."""
    truncated: bool = False
    """Whether records below the header's next offset were replaced by others."""


class BeyondLogEnd(Blocked):
    """The stored offset is past the log's end; a broker that has just started may say so for a moment."""


def check_header(slot: SlotName, header: Header, around: Surroundings, timezone: str) -> None:
    """Raise ``Blocked`` or ``ConfigurationError`` where going on from ``header`` would give wrong figures.

    Raises ``Unavailable`` while the slot is being emptied.
    """
    check_layout(slot, header)
    if header.timezone != timezone:
        message = (
            f"timezone is {timezone}, but {slot} was counted in days of {header.timezone}; "
            "set timezone back, or count again with `engagement-stream rebuild`"
        )
        raise ConfigurationError(message)
    if header.topic_id != around.topic_id:
        raise made_anew(slot, header.topic_id, around.topic_id)
    start, end = around.bounds.start, around.bounds.end
    if header.next_offset < start:
        message = (
            f"{slot}: the log starts at {start}, but offset {header.next_offset} is next: {start - header.next_offset} "
            f"offsets were deleted before they were counted; {ways_past_gap(slot)}"
        )
        raise Blocked(message, Obstacle.BEFORE_START)
    if header.next_offset > end:
        past = f"offset {header.next_offset} is next, but the log ends at {end}"
        raise BeyondLogEnd(f"{slot}: {past}: it was truncated; {ways_past_gap(slot)}", Obstacle.PAST_END)
    if around.truncated:
        message = (
            f"{slot}: records below offset {header.next_offset}, which is next, were replaced since they were "
            f"counted: the log was truncated; {ways_past_gap(slot)}"
        )
        raise Blocked(message, Obstacle.REPLACED)


def check_layout(slot: SlotName, header: Header) -> None:
    """Raise ``Blocked`` for a slot of a version with another layout, ``Unavailable`` while it is being emptied."""
    if header.layout == BEING_EMPTIED:
        raise Unavailable(f"{slot} is being emptied; if no `rebuild` runs any more, run {rebuild(slot)} again")
    if header.layout != LAYOUT_VERSION:
        message = (
            f"{slot}: Redis holds layout {header.layout}, this version reads {LAYOUT_VERSION}; run the version that "
            f"wrote it, or stop all workers and count again with {rebuild(slot)}"
        )
        raise Blocked(message, Obstacle.LAYOUT)


def made_anew(slot: SlotName, counted: str, found: str) -> Blocked:
    """The error for a slot that was counted from a topic with another id than the one that is there."""
    return Blocked(
        f"{slot}: the topic was deleted and made anew since it was counted (id {counted}, now {found}); {ways(slot)}",
        Obstacle.OTHER_TOPIC,
    )


def new_header(slot: SlotName, around: Surroundings, timezone: str) -> Header:
    """The header of a slot that was never counted. Raises ``Blocked`` where there are traces that it was."""
    if around.committed is not None:
        raise lost(slot, f"the group committed offset {around.committed}")
    if around.published:  # 0: a run over an empty log that nobody owned
        raise lost_since(slot, around.published)
    return empty_header(timezone, around.topic_id, around.bounds.start)
