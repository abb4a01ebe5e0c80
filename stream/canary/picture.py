"""What the canary has seen so far, as one value, and what follows from it for metrics and health: pure functions."""

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec

from store import metrics
from store.exposition import Figures, midnight
from store.layout import SlotName
from stream.canary.scores import ScoreCheck
from stream.serving import Health

HUNG_SECONDS = 600.0
"""A step takes so long at most, where Kafka hangs while scores are read; one that takes longer never ends."""
LATE_SECONDS = 60.0


class Delays(msgspec.Struct, frozen=True):
    """How long events took, by bucket of the histogram."""

    counts: tuple[int, ...] = (0,) * (len(metrics.CANARY_DELAY.buckets) + 1)
    total: float = 0.0

    def and_those(self, seconds: Sequence[float]) -> "Delays":
        """With some more."""
        counts = list(self.counts)
        for one in seconds:
            counts[bisect_left(metrics.CANARY_DELAY.buckets, one)] += 1
        return Delays(tuple(counts), self.total + sum(seconds))


class Path(msgspec.Struct, frozen=True):
    """One partition: events that Kafka took, those it did not, those that the slot has; see `Outcome` for the rest.

    `oldest` is when the oldest event was sent that is not in yet.
    """

    sent: int = 0
    failed: int = 0
    delays: Delays = Delays()
    wrong: int = 0
    difference: int | None = None
    oldest: float | None = None

    @property
    def counted(self) -> int:
        """Events that the stored offset has passed."""
        return sum(self.delays.counts)


class Seen(msgspec.Struct, frozen=True):
    """After the newest step, which ended at `at`. Moments are those of a clock that never goes back."""

    at: float
    rounds: int
    errors: Mapping[str, int]
    failing: Mapping[str, str]
    """What the newest question to each source came to, where it was no answer."""
    paths: Mapping[SlotName, Path]
    score: ScoreCheck | None


def figures_of(seen: Seen, now: float) -> Figures:
    """All metrics of the canary at the time `now`."""
    figures = Figures()
    figures.add(metrics.CANARY_ROUNDS, seen.rounds)
    for source, count in seen.errors.items():
        figures.add(metrics.CANARY_ERRORS, count, source)
    for slot, path in sorted(seen.paths.items()):
        names = (slot.topic, slot.partition)
        figures.add(metrics.CANARY_SENT, path.sent, *names)
        figures.add(metrics.CANARY_SEND_FAILURES, path.failed, *names)
        figures.add(metrics.CANARY_COUNTED, path.counted, *names)
        figures.add_histogram(metrics.CANARY_DELAY, path.delays.counts, path.delays.total, *names)
        figures.add(metrics.CANARY_WAITING, waiting(path, now), *names)
        figures.add(metrics.CANARY_DIFFERENCE, path.difference, *names)
        figures.add(metrics.CANARY_WRONG, path.wrong, *names)
    if seen.score is not None:
        figures.add(metrics.CANARY_SCORE_AS_OF, midnight(dt.date.fromordinal(seen.score.as_of)))
        figures.add(metrics.CANARY_SCORE_DIFFERENCE, seen.score.difference)
    return figures


def waiting(path: Path, now: float) -> float:
    """Age of the oldest event that is not counted, 0 where all are."""
    return 0.0 if path.oldest is None else max(0.0, now - path.oldest)


def liveliness(seen: Seen, now: float) -> Health:
    """Whether steps still come to an end."""
    age = now - seen.at
    return Health((f"the newest step is {age:.0f} s old",) if age > HUNG_SECONDS else ())


def readiness(seen: Seen, now: float) -> Health:
    """Whether the canary gets answers, and all that it sent comes out in time and right."""
    reasons = [f"{source}: {text}" for source, text in seen.failing.items()]
    if not seen.rounds:
        reasons.append("nothing was sent yet")
    for slot, path in sorted(seen.paths.items()):
        seconds = waiting(path, now)
        if seconds > LATE_SECONDS:
            reasons.append(f"{slot}: an event is not counted after {seconds:.0f} s")
        if path.difference:
            reasons.append(f"{slot}: {wrong_count(path.difference)}")
    if seen.score is not None and seen.score.difference:
        reasons.append(f"scores of {dt.date.fromordinal(seen.score.as_of)}: {wrong_count(seen.score.difference)}")
    return Health(tuple(reasons))


def wrong_count(difference: int) -> str:
    """A difference in words."""
    return f"{abs(difference)} {'more' if difference > 0 else 'fewer'} than the canary sent"
