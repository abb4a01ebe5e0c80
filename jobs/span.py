"""Which days of a span are still to be published: runs are published in order of days, and an older day never again."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from jobs.days import iso
from jobs.wording import count
from schemas.exits import UsageError
from schemas.manifest import Manifest


class Span(NamedTuple):
    """The days of a backfill: `todo` in order, `done` were published before, `missed` are older than the newest run."""

    todo: range
    done: int
    missed: int


def plan_span(first: int, last: int, runs: Sequence[Manifest]) -> Span:
    """Plan the days `first` to `last` after the `runs` published so far (oldest first).

    Raises UsageError where days between the newest run and `first` would be left out: once a later day is published,
    they cannot be.
    """
    days = range(first, last + 1)
    if not runs:
        return Span(days, 0, 0)
    newest = date.fromisoformat(runs[-1].as_of).toordinal()
    if first > newest + 1:
        gap = f"{count(first - newest - 1, 'day')} after the newest published run ({iso(newest)})"
        raise UsageError(
            f"--from {iso(first)} leaves out {gap}, which could never be published afterwards; give --from "
            f"{iso(newest + 1)}, or publish {iso(first)} first with `engagement-jobs daily --as-of {iso(first)}`"
        )
    published = {run.as_of for run in runs}
    past = range(first, min(newest, last) + 1)
    done = sum(iso(day) in published for day in past)
    return Span(range(max(first, newest + 1), last + 1), done, len(past) - done)


def summary(first: int, last: int, span: Span, published: int) -> str:
    """One line: what a backfill did of the span `first` to `last`."""
    parts = [f"published {count(published, 'day')}"]
    if span.done:
        parts.append(f"skipped {span.done:,} published before")
    if span.missed:
        parts.append(f"left out {span.missed:,} that are older than the newest run and were never published")
    left = len(span.todo) - published
    if left:
        parts.append(f"{left:,} not done yet: run again to go on from {iso(span.todo[published])}")
    return f"{iso(first)} to {iso(last)}: {', '.join(parts)}"
