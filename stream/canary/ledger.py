"""What the canary sent to one partition, and what the slot's counter must therefore say: no I/O, no clock.

The first event that the slot counts is the base: what is in the counter once it is in, is taken for right, and each
event after it must add exactly one. So nothing has to be remembered over a restart. Where Kafka does not say whether it
took an event, the next one that it takes is a new base.

A counter is compared only where all events below its slot's offset are known, so a slot that was rolled back or is
counted again is right at every offset on its way.
"""

from bisect import bisect_left
from collections.abc import Mapping

import msgspec

from store.layout import Gap

KEPT_EVENTS = 3_000
"""So far back, in events, a slot may be rolled back and still be compared."""
KEPT_DAYS = 20
"""More than the days that a score looks back."""


class Reading(msgspec.Struct, frozen=True):
    """What a slot holds as of its stored offset: the counts of the canary's action by day."""

    offset: int
    gaps: tuple[Gap, ...]
    counts: Mapping[int, int]


class Outcome(msgspec.Struct, frozen=True):
    """What a reading says: the events that are in for the first time, by the seconds that took, and the difference.

    `difference` is the count minus what was sent, None where that is not known; `news` says that it was another before.
    """

    delays: tuple[float, ...]
    difference: int | None
    news: bool


class _Event(msgspec.Struct, frozen=True):
    """An event that Kafka took: the `rank`th of its day since the base, sent at `at` (seconds, any clock)."""

    offset: int
    day: int
    rank: int
    at: float


class _Base(msgspec.Struct, frozen=True):
    """The count of a day before the event of rank 1, and the gaps that the slot had then."""

    day: int
    count: int
    gaps: tuple[Gap, ...]


class Ledger:
    """Of one partition. `at` is always seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._events: list[_Event] = []
        self._sent: dict[int, int] = {}
        """By day, since the base."""
        self._floor = 0
        """Events before it are no longer compared."""
        self._base: _Base | None = None
        self._unanswered: list[float] = []
        self._failing_since: float | None = None
        self._stored = 0
        self._highest = 0
        self._difference: int | None = None

    @property
    def difference(self) -> int | None:
        """As the newest reading that could be compared has it."""
        return self._difference

    def oldest(self) -> float | None:
        """When the oldest event was sent that is not in the slot; None where all are."""
        waiting = [one.at for one in self._events[self._below(self._stored) :][:1]]
        failing = [] if self._failing_since is None else [self._failing_since]
        return min([*waiting, *self._unanswered, *failing], default=None)

    def sending(self, at: float) -> None:
        """An event goes to Kafka."""
        self._unanswered.append(at)

    def took(self, offset: int, day: int, at: float) -> None:
        """Kafka took the event of `at` as the record `offset`."""
        self._unanswered.remove(at)
        self._failing_since = None
        if self._events and offset <= self._events[-1].offset:  # the topic was made anew
            self._start_again(offset)
            self._events.clear()
            self._stored = self._highest = 0
        rank = self._sent[day] = self._sent.get(day, 0) + 1
        self._sent = {one: count for one, count in self._sent.items() if one > day - KEPT_DAYS}
        self._events.append(_Event(offset, day, rank, at))
        del self._events[:-KEPT_EVENTS]

    def failed(self, at: float) -> None:
        """Kafka did not say that it took the event of `at`: it may have, up to where it takes the next one."""
        self._unanswered.remove(at)
        if self._failing_since is None:
            self._failing_since = at
        self._start_again(self._events[-1].offset + 1 if self._events else 0)

    def wants(self, stored: int) -> tuple[int, ...]:
        """The days whose counts a reading must have, now that this offset is stored; none where none is needed."""
        self._stored = stored
        at = self._below(stored)
        if self._unanswered or not at or self._events[at - 1].offset < self._highest:
            return ()
        return tuple(sorted({one.day for one in self._events[self._below(self._highest) :]}))

    def read(self, reading: Reading, at: float) -> Outcome:
        """Take in what the slot holds at the time `at`."""
        self._stored = reading.offset
        place = self._below(reading.offset)
        fresh = [one for one in self._events[:place] if one.offset >= self._highest]
        self._highest = max(self._highest, reading.offset)
        if self._base is not None and self._base.gaps != reading.gaps:
            self._base = None  # a person had the slot go on without some records
        before = self._difference
        if place and (last := self._events[place - 1]).offset >= self._floor and last.day in reading.counts:
            self._compare(last, reading.counts[last.day], reading.gaps)
        news = self._difference is not None and self._difference != (before or 0)
        return Outcome(tuple(at - one.at for one in fresh), self._difference, news)

    def known(self, day: int, before: int) -> int | None:
        """The count of a day over all records before an offset, None where the base is of a later day."""
        later = sum(one.day == day for one in self._events[self._below(before) :])
        return self._counted_before(day, self._sent.get(day, 0) - later)

    def _compare(self, last: _Event, count: int, gaps: tuple[Gap, ...]) -> None:
        if self._base is None:
            self._base = _Base(last.day, count - last.rank, gaps)
        expected = self._counted_before(last.day, last.rank)
        if expected is not None:
            self._difference = count - expected

    def _counted_before(self, day: int, sent: int) -> int | None:
        base = self._base
        if base is None or day < base.day:
            return None
        return sent + (base.count if day == base.day else 0)

    def _start_again(self, floor: int) -> None:
        self._floor, self._base, self._difference = floor, None, None
        self._sent.clear()

    def _below(self, offset: int) -> int:
        """How many of the events kept are before an offset."""
        return bisect_left(self._events, offset, key=lambda one: one.offset)
