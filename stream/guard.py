"""Whether a slot may go on from where it stands: the checks between loading a header and reading the log."""

import msgspec

from schemas.exits import Blocked, ConfigurationError, EngagementError, Obstacle, Unavailable
from store import obstacles
from store.layout import Header, SlotName, empty_header
from store.obstacles import Found
from store.offsets import LogBounds
from store.remedies import lost, lost_since


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
    """Raise where going on from ``header`` would give wrong figures.

    ``Unavailable`` while the slot is being emptied, ``ConfigurationError`` for another time zone, else ``Blocked``.
    """
    check_layout(slot, header)
    found = (
        obstacles.of_timezone(slot, header, timezone)
        or obstacles.of_topic(slot, header.topic_id, around.topic_id)
        or obstacles.of_log(slot, header.next_offset, around.bounds)
        or (obstacles.replaced(slot, header.next_offset) if around.truncated else None)
    )
    if found is not None:
        raise _error(found)


def check_layout(slot: SlotName, header: Header) -> None:
    """Raise ``Blocked`` for a slot of a version with another layout, ``Unavailable`` while it is being emptied."""
    found = obstacles.of_layout(slot, header)
    if found is not None:
        raise _error(found)


def _error(found: Found) -> EngagementError:
    match found.obstacle:
        case Obstacle.BEING_EMPTIED:
            return Unavailable(str(found))
        case Obstacle.TIMEZONE:
            return ConfigurationError(str(found))
        case Obstacle.PAST_END:
            return BeyondLogEnd(str(found), found.obstacle)
        case _:
            return found.blocked()


def new_header(slot: SlotName, around: Surroundings, timezone: str) -> Header:
    """The header of a slot that was never counted. Raises ``Blocked`` where there are traces that it was."""
    if around.committed is not None:
        raise lost(slot, f"the group committed offset {around.committed}")
    if around.published:  # 0: a run over an empty log that nobody owned
        raise lost_since(slot, around.published)
    return empty_header(timezone, around.topic_id, around.bounds.start)
