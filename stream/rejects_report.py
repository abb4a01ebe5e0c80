"""What `engagement-stream rejects list` shows: a row for each refused record, and how many there are by reason."""

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from schemas.rejects import printable
from stream.rejects_topic import Mark, Place, Rejected

SHOWN_CHARACTERS = 60
MOST_TEXT_BYTES = 1024 * 1024
HEADING = ("topic", "partition", "offset", "reason", "retried", "key", "value", "detail")
SUMMARY_HEADING = ("topic", "reason", "records", "retried", "first", "last")


class Wanted(msgspec.Struct, frozen=True):
    """Which rejects are meant; None is all of them. `topic` is a full name, `place` one record."""

    reason: str | None = None
    topic: str | None = None
    place: Place | None = None

    def __contains__(self, one: Rejected) -> bool:
        return (
            self.reason in (None, one.reason)
            and self.topic in (None, one.source.topic)
            and self.place in (None, one.source)
        )


class RejectRow(msgspec.Struct, frozen=True):
    """A refused record under the place in its input topic. `at` is when it was rejected, `size` the bytes of `value`.

    `key` and `value` are None also where they are not UTF-8, `value` where it has over MOST_TEXT_BYTES as well.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    at: str
    retried: bool
    key: str | None
    size: int | None
    value: str | None


class ReasonRow(msgspec.Struct, frozen=True):
    """How many records of a topic were refused for a reason, and when the first and the last of them."""

    topic: str
    reason: str
    records: int
    retried: int
    first: str
    last: str


class RejectsFound(msgspec.Struct, frozen=True):
    """The newest rows, oldest first, and all reasons."""

    rows: list[RejectRow]
    reasons: list[ReasonRow]


@dataclass(slots=True)
class _Tally:
    sources: set[Place] = field(default_factory=set)
    first: int = 2**62
    last: int = 0


def look_at(records: Iterable[Rejected | Mark], wanted: Wanted, limit: int) -> RejectsFound:
    """One row for each source, however often it was rejected; at most `limit` rows, those of the newest."""
    tallies: dict[tuple[str, str], _Tally] = {}
    marks: set[Place] = set()
    newest = heapq.nlargest(limit, _first_of_each(records, wanted, tallies, marks), key=attrgetter("at", "source"))
    reasons = [_reason_row(*kind, tally, marks) for kind, tally in sorted(tallies.items())]
    return RejectsFound([_row(one, marks) for one in reversed(newest)], reasons)


def _first_of_each(
    records: Iterable[Rejected | Mark], wanted: Wanted, tallies: dict[tuple[str, str], _Tally], marks: set[Place]
) -> Iterator[Rejected]:
    for one in records:
        if isinstance(one, Mark):
            marks.add(one.source)
        elif one in wanted:
            tally = tallies.setdefault((one.source.topic, one.reason), _Tally())
            tally.first, tally.last = min(tally.first, one.at), max(tally.last, one.at)
            if one.source not in tally.sources:
                tally.sources.add(one.source)
                yield one


def _reason_row(topic: str, reason: str, tally: _Tally, marks: set[Place]) -> ReasonRow:
    retried = len(tally.sources & marks)
    return ReasonRow(topic, reason, len(tally.sources), retried, _moment(tally.first), _moment(tally.last))


def _row(one: Rejected, marks: set[Place]) -> RejectRow:
    return RejectRow(
        topic=one.source.topic,
        partition=one.source.partition,
        offset=one.source.offset,
        reason=one.reason,
        detail=one.detail,
        at=_moment(one.at),
        retried=one.source in marks,
        key=_text(one.key),
        size=None if one.value is None else len(one.value),
        value=_text(one.value),
    )


def _text(data: bytes | None) -> str | None:
    if data is None or len(data) > MOST_TEXT_BYTES:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _moment(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat(timespec="milliseconds")


def row_cells(row: RejectRow) -> tuple[object, ...]:
    """The cells of a row under HEADING."""
    value = row.value if row.value is not None or row.size is None else f"({row.size} bytes)"
    retried = "yes" if row.retried else ""
    shown = (None if text is None else printable(text, SHOWN_CHARACTERS) for text in (row.key, value))
    return (row.topic, row.partition, row.offset, row.reason, retried, *shown, row.detail)


def reason_cells(row: ReasonRow) -> tuple[object, ...]:
    """The cells of a row under SUMMARY_HEADING."""
    return (row.topic, row.reason, row.records, row.retried, row.first, row.last)
