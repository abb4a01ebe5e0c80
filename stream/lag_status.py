"""What is wrong with a partition, if anything: numbered rules over the history of its offsets, as pure functions.

A rule gets the history of one partition, oldest sample first, and returns why it holds, or None. The first that holds
decides. A history of one sample is judged as well; what takes time to tell is then not said.
"""

from collections.abc import Callable
from enum import StrEnum
from itertools import takewhile

import msgspec

WINDOW_SECONDS = 300.0
"""How far a history goes back."""
SPACING_SECONDS = 5.0
"""Samples are kept this far apart, but for the newest, so that a history is short however often it grows."""
STALLED_SECONDS = 30.0
"""A worker stores every second; retries wait for 5 s at most, a rebalance and the load of a slot for some more."""
OWNER_SECONDS = 30.0
"""While a group rebalances, nobody owns anything for a moment."""
WARN_SECONDS = 60.0
FALLING = 0.95
"""Lag falls where it is below this share of what it was at the start of the history."""


class Status(StrEnum):
    """Of one partition."""

    OK = "OK"
    WARN = "WARN"
    STALLED = "STALLED"
    STOPPED = "STOPPED"
    REWOUND = "REWOUND"
    NO_OWNER = "NO_OWNER"


class Sample(msgspec.Struct, frozen=True):
    """One look at a partition, at `at` (seconds since the epoch)."""

    at: float
    topic_id: str
    stored: int | None
    """The stored offset, None where nothing is stored."""
    lag: int | None
    lag_seconds: float | None
    owned: bool | None
    """None where the broker did not say."""
    blocked: str | None = None
    """Why the slot cannot go on, None where it can."""


History = tuple[Sample, ...]
Rule = Callable[[History], str | None]


class Verdict(msgspec.Struct, frozen=True):
    """A status, the number of the rule that gave it (0 where none holds), and why, in words."""

    status: Status
    rule: int
    reason: str | None


def extended(history: History, sample: Sample) -> History:
    """The history with one more sample; what is too old or too close goes, and all of another topic."""
    kept = history
    if kept and kept[-1].topic_id != sample.topic_id:
        kept = ()
    if len(kept) > 1 and kept[-1].at - kept[-2].at < SPACING_SECONDS:
        kept = kept[:-1]
    return (*(one for one in kept if sample.at - one.at <= WINDOW_SECONDS), sample)


def judge(history: History) -> Verdict:
    """What the first rule that holds says of a history of at least one sample."""
    for number, (status, rule) in enumerate(RULES, 1):
        reason = rule(history)
        if reason is not None:
            return Verdict(status, number, reason)
    return Verdict(Status.OK, 0, None)


def stopped(history: History) -> str | None:
    """Rule 1, STOPPED: the stored offset says nothing about this log, or no worker can load the slot.

    First, because no other figure of the partition means anything then. Nothing heals by itself: a person decides.
    """
    return history[-1].blocked


def no_owner(history: History) -> str | None:
    """Rule 2, NO_OWNER: no member of the group owns the partition, now and for OWNER_SECONDS.

    Also where nothing waits to be counted: the next event would. Shorter gaps are rebalances. A single sample is
    taken at its word.
    """
    newest = history[-1]
    last = next((one for one in reversed(history) if one.owned is not False), None)
    if newest.owned is not False or (last is not None and newest.at - last.at < OWNER_SECONDS):
        return None
    return "no worker owns the partition"


def rewound(history: History) -> str | None:
    """Rule 3, REWOUND: the stored offset went back and is not yet where it was.

    Redis was rolled back, lost the slot, or somebody gave `rebuild`. The worker counts again from there, so the rule
    ends by itself once the offset is reached again.
    """
    highest, stored = max(_position(one) for one in history), history[-1].stored
    if _position(history[-1]) >= highest:
        return None
    return f"the stored offset went back from {highest} to {'nothing' if stored is None else stored}"


def stalled(history: History) -> str | None:
    """Rule 4, STALLED: owned, events wait, and the stored offset has not moved for STALLED_SECONDS.

    A worker that hangs, a Redis that refuses writes, rejects that are not delivered: the group still sees a member.
    Where nothing waits an offset that stands still is right.
    """
    newest = history[-1]
    stuck = tuple(takewhile(lambda one: one.stored == newest.stored and bool(one.lag), reversed(history)))
    seconds = newest.at - stuck[-1].at if stuck else 0.0
    if seconds < STALLED_SECONDS:
        return None
    return f"the stored offset has not moved for {seconds:.0f} s while {newest.lag} wait"


def not_falling(history: History) -> str | None:
    """Rule 5, WARN: the oldest event that waits is older than WARN_SECONDS, and the lag does not fall.

    A lag that falls is a worker that catches up: nothing to do but to wait. One sample cannot say that it falls.
    """
    age = history[-1].lag_seconds
    before = next((one.lag_seconds for one in history[:-1] if one.lag_seconds is not None), None)
    if age is None or age <= WARN_SECONDS or (before is not None and age < FALLING * before):
        return None
    return f"{age:.0f} s behind" if before is None else f"{age:.0f} s behind and not catching up"


def unknown(history: History) -> str | None:
    """Rule 6, WARN: nothing is wrong with the slot, but how far it is behind cannot be said.

    An unknown lag may be any lag. Last, because each rule above says more.
    """
    newest = history[-1]
    return "the lag is unknown" if newest.lag is None or newest.lag_seconds is None else None


def _position(sample: Sample) -> int:
    return -1 if sample.stored is None else sample.stored


RULES: tuple[tuple[Status, Rule], ...] = (
    (Status.STOPPED, stopped),
    (Status.NO_OWNER, no_owner),
    (Status.REWOUND, rewound),
    (Status.STALLED, stalled),
    (Status.WARN, not_falling),
    (Status.WARN, unknown),
)
