"""What `engagement-stream lag` shows of a picture: one line for each partition, in the order of their names."""

import datetime as dt
import math
from collections.abc import Iterable

import msgspec
from rich.markup import escape
from rich.table import Table

from schemas.exits import EngagementError, Obstacle, Unavailable
from stream.lag_status import Status
from stream.picture import Partition, Picture

COLORS = {
    Status.OK: "green",
    Status.WARN: "yellow",
    Status.STALLED: "red",
    Status.STOPPED: "red",
    Status.REWOUND: "yellow",
    Status.NO_OWNER: "red",
}
HEADING = ("topic", "partition", "status", "lag", "seconds", "stored offset", "log end", "owner", "note")


class LagLine(msgspec.Struct, frozen=True):
    """One partition. Offsets are those of the next record; `log_end` is the last stable offset. `lag` is in offsets.

    None is unknown, or for `stored_offset` nothing stored yet, for `owner` nobody; `status` and `note` say which.
    """

    topic: str
    partition: int
    log_start: int | None
    log_end: int | None
    stored_offset: int | None
    lag: int | None
    note: str | None
    status: Status | None
    lag_seconds: float | None
    owner: str | None
    obstacle: Obstacle | None
    looked_at: str
    """Moment of the stored offset, RFC 3339."""


def lag_lines(picture: Picture) -> list[LagLine]:
    """The lines of a picture."""
    moment = dt.datetime.fromtimestamp(picture.at, dt.UTC).isoformat(timespec="milliseconds")
    return [_line(one, moment, picture.kafka.error or picture.redis.error) for one in picture.partitions]


def _line(one: Partition, moment: str, error: str | None) -> LagLine:
    reason = one.verdict.reason if one.verdict else None
    return LagLine(
        topic=one.slot.topic,
        partition=one.slot.partition,
        log_start=one.log_start,
        log_end=one.log_end,
        stored_offset=one.stored,
        lag=one.lag,
        note=error or reason or one.note,
        status=one.verdict.status if one.verdict else None,
        lag_seconds=None if one.lag_seconds is None else round(one.lag_seconds, 3),
        owner=one.owner,
        obstacle=one.obstacle,
        looked_at=moment,
    )


def require_answers(picture: Picture) -> Picture:
    """The picture, if it is whole. Raises Unavailable, or EngagementError for a missing topic."""
    for source in (picture.kafka, picture.redis):
        if source.error is not None:
            raise Unavailable(source.error)
    if picture.missing_topics:
        names = ", ".join(picture.missing_topics)
        raise EngagementError(f"missing in Kafka: {names}; make them with `engagement-stream topics --create`")
    return picture


def check_lag(picture: Picture, seconds: float) -> None:
    """Raise EngagementError where events wait for longer than `seconds`, or where that is unknown."""
    require_answers(picture)
    late = [one for one in picture.partitions if one.lag_seconds is not None and one.lag_seconds > seconds]
    unknown = [one for one in picture.partitions if one.lag_seconds is None]
    if late or unknown:
        said = [f"{len(late)} partitions are more than {seconds:g} s behind"] if late else []
        said += [f"the lag of {len(unknown)} is unknown"] if unknown else []
        names = ", ".join(str(one.slot) for one in (late + unknown)[:3])
        raise EngagementError(f"{' and '.join(said)}: {names}{', ...' if len(late + unknown) > 3 else ''}")  # noqa: PLR2004


def lag_cells(line: LagLine) -> tuple[object, ...]:
    """The cells of a line under HEADING."""
    seconds = None if line.lag_seconds is None else math.ceil(line.lag_seconds)
    place = (line.topic, line.partition, line.status, line.lag, seconds, line.stored_offset, line.log_end)
    return (*place, line.owner, line.note or "")


def lag_table(lines: Iterable[LagLine]) -> Table:
    """The lines as a table for a terminal that is drawn anew."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in HEADING:
        table.add_column(name, justify="right" if name in HEADING[3:7] or name == "partition" else "left")
    for line in lines:
        cells = ["-" if cell is None else escape(str(cell)) for cell in lag_cells(line)]
        table.add_row(*cells, style=COLORS[line.status] if line.status not in (None, Status.OK) else None)
    return table
