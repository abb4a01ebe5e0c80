"""What `engagement-stream lag` shows of a picture: one line for each partition, in the order of their names."""

import datetime as dt
import math
import textwrap
from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
_NUMBERS = ("partition", "lag", "seconds", "stored offset", "log end")
_BELOW = ((), ("note",), ("owner", "note"), ("stored offset", "log end", "owner", "note"))
"""What is told below the table, the more the narrower the terminal is."""
_LEAST_NOTE = 40
"""With less room notes would be a column of single words."""
_GAP = 2
_Cells = tuple[str, ...]


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


def lag_view(lines: Sequence[LagLine], width: int) -> RenderableType:
    """The lines for a terminal of that width; columns that have no room for whole words are told below the table."""
    rows = [tuple("-" if cell is None else str(cell) for cell in lag_cells(line)) for line in lines]
    below = next((names for names in _BELOW if _needed(rows, names) <= width), _BELOW[-1])
    kept = [i for i, name in enumerate(HEADING) if name not in below]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for name in (HEADING[i] for i in kept):
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=name != "note")
    for line, row in zip(lines, rows, strict=True):
        table.add_row(*(Text(row[i], style=_style(line) if HEADING[i] == "status" else "") for i in kept))
    told = [said for line, row in zip(lines, rows, strict=True) for said in _told(line, row, below, width)]
    return Group(table, *([Text(), *told] if told else []))


def _needed(rows: Sequence[_Cells], below: tuple[str, ...]) -> int:
    """The width of the table without the columns that are told below it."""
    widths = {name: max(len(name), *(len(row[i]) for row in rows), 0) for i, name in enumerate(HEADING)}
    widths["note"] = min(widths["note"], _LEAST_NOTE)
    kept = [width for name, width in widths.items() if name not in below]
    return sum(kept) + _GAP * (len(kept) - 1)


def _told(line: LagLine, row: _Cells, below: tuple[str, ...], width: int) -> list[Text]:
    """What the table leaves out of a row, if anything, as lines that break between words."""
    cells = [(name, row[HEADING.index(name)]) for name in below]
    said = [cell if name == "note" else f"{name} {cell}" for name, cell in cells if cell not in ("", "-")]
    if not said:
        return []
    text = f"{line.topic}/{line.partition}: {'; '.join(said)}"
    whole = textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [Text(part, style=_style(line)) for part in whole]


def _style(line: LagLine) -> str:
    return COLORS[line.status] if line.status is not None else ""
