"""What keeps a slot from going on, and what a person does about it: one text for the worker and all who look at slots.

Each function is one check of a header and returns None where nothing is in the way. Which of them matter, in what
order, and which error they are is for those who ask.
"""

import msgspec

from schemas.exits import Blocked, Obstacle
from store.layout import BEING_EMPTIED, LAYOUT_VERSION, Header, SlotName
from store.offsets import LogBounds
from store.remedies import rebuild, ways, ways_past_gap


class Found(msgspec.Struct, frozen=True):
    """An obstacle of a slot; ``note`` says what it is and what to do, ``str`` also of which slot."""

    slot: SlotName
    obstacle: Obstacle
    note: str

    def __str__(self) -> str:
        """One line, as the message of an error."""
        return f"{self.slot}: {self.note}"

    def blocked(self) -> Blocked:
        """The error that says so."""
        return Blocked(str(self), self.obstacle)


def of_layout(slot: SlotName, header: Header) -> Found | None:
    """Whether another version wrote the slot, or a rebuild is emptying it: then no worker reads on in it."""
    again = rebuild(slot)
    if header.layout == BEING_EMPTIED:
        note = f"the slot is being emptied; if no `rebuild` runs any more, run {again} again"
        return Found(slot, Obstacle.BEING_EMPTIED, note)
    if header.layout != LAYOUT_VERSION:
        note = (
            f"Redis holds layout {header.layout}, this version reads {LAYOUT_VERSION}; run the version that wrote it, "
            f"or stop all workers and count again with {again}"
        )
        return Found(slot, Obstacle.LAYOUT, note)
    return None


def of_timezone(slot: SlotName, header: Header, timezone: str) -> Found | None:
    """Whether the slot was counted in days of another time zone than that of the settings."""
    if header.timezone == timezone:
        return None
    note = (
        f"counted in days of {header.timezone}, but timezone is {timezone}; set timezone back, "
        f"or count again with {rebuild(slot)}"
    )
    return Found(slot, Obstacle.TIMEZONE, note)


def of_topic(slot: SlotName, counted: str, found: str) -> Found | None:
    """Whether the slot was counted from a topic with another id than the one that is there."""
    if counted == found:
        return None
    note = f"the topic was deleted and made anew since it was counted (id {counted}, now {found}); {ways(slot)}"
    return Found(slot, Obstacle.OTHER_TOPIC, note)


def of_log(slot: SlotName, next_offset: int, log: LogBounds) -> Found | None:
    """Whether the next offset is outside the log."""
    if next_offset < log.start:
        note = (
            f"the log starts at {log.start}, but offset {next_offset} is next: {log.start - next_offset} offsets were "
            f"deleted before they were counted; {ways_past_gap(slot)}"
        )
        return Found(slot, Obstacle.BEFORE_START, note)
    if next_offset > log.end:
        past = f"offset {next_offset} is next, but the log ends at {log.end}"
        return Found(slot, Obstacle.PAST_END, f"{past}: it was truncated; {ways_past_gap(slot)}")
    return None


def replaced(slot: SlotName, next_offset: int) -> Found:
    """The obstacle of a slot that counted records which the log does not hold any more, but others in their place."""
    note = (
        f"records below offset {next_offset}, which is next, were replaced since they were counted: the log was "
        f"truncated; {ways_past_gap(slot)}"
    )
    return Found(slot, Obstacle.REPLACED, note)
