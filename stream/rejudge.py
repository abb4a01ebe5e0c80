"""Which refused records would be refused again, by the code that counts them, before any of them is sent.

Only what a record, the settings and the clock decide. Whether there is room for it, or whether its day is before
retention, depends on what the slot holds once the record is there: such a record gets no refusal here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from schemas.rejects import Reason, Reject
from schemas.settings import Settings
from stream.check import Topic, refusals
from stream.limits import NO_LIMITS
from stream.retry import Again, in_groups
from stream.slot import SlotRules

_ANY_AGE = 4_000_000
"""Days: more than there are in the calendar."""


@dataclass(frozen=True, slots=True)
class _Unsent:
    again: Again

    @property
    def value(self) -> bytes | None:
        return self.again.value

    def key(self) -> bytes | None:
        return self.again.key


Judged = tuple[Again, Reject | None]
"""A record, and why it would be refused again, None where nothing says so."""


def judged(records: Iterable[Again], settings: Settings, clock: Callable[[], float] = time.time) -> Iterator[Judged]:
    """Each record with its verdict, in order. `clock`: seconds since the epoch, as the broker's is."""
    rules = replace(SlotRules.of(settings), limits=NO_LIMITS, retention_days=_ANY_AGE)
    for group in in_groups(records):
        now, found = int(clock() * 1000), dict[int, Reject]()
        for topic in Topic:
            at = [i for i, one in enumerate(group) if one.rejected.source.topic == topic.within(settings)]
            refused, _ = refusals([_Unsent(group[i]) for i in at], topic, rules, newest_day=0, now=now)
            found.update((at[position], why) for position, why in refused.items())
        for i, one in enumerate(group):
            yield one, found.get(i)


def passing(records: Iterable[Judged], refused: Counter[Reason]) -> Iterator[Again]:
    """Those that may be counted; the others are added to `refused` and kept back."""
    for one, why in records:
        if why is None:
            yield one
        else:
            refused[why.reason] += 1
