"""What `engagement-stream top` draws: partitions with the worst first, totals, the newest run, Redis."""

import datetime as dt
import re
import textwrap
from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from store.layout import SlotName
from store.redis_state import RedisState
from stream.lag_report import COLORS
from stream.lag_status import Status
from stream.picture import Partition, Picture

RATE_SECONDS = 10.0
"""Over how long a rate is taken: checkpoints come once a second, so over one second it would jump."""
_WORST_FIRST = (Status.STOPPED, Status.STALLED, Status.NO_OWNER, Status.REWOUND, Status.WARN, None, Status.OK)
_SAME_SECONDS = 8.0
"""Below this lags are alike: with a checkpoint every second they change all the time."""
_WHOLE_REASONS = 3
"""So many reasons that do not fit into the table are said below it, if half of the room holds them."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_LINES_AROUND = 10
"""Two of them for what is too long for one line."""
_HEADING = ("partition", "status", "lag", "behind", "events/s", "newest day", "owner or problem")
_NUMBERS = ("lag", "behind", "events/s")
_KIB = 1024
_MEMBER = re.compile(r"/[^/ ]+(?= at )")
"""The part of an owner that tells a worker's members apart, of which it has one for each topic."""
_Row = tuple[Text, ...]


def recent(pictures: Sequence[Picture], newest: Picture) -> tuple[Picture, ...]:
    """The pictures that a rate is taken from, with one more; the oldest is RATE_SECONDS old or a little less."""
    return (*(one for one in pictures if newest.at - one.at <= RATE_SECONDS), newest)


def rates(pictures: Sequence[Picture]) -> dict[SlotName, float]:
    """Stored offsets a second by partition; without those of which that is unknown, or that went back."""
    first, last = pictures[0], pictures[-1]
    seconds = last.at - first.at
    before = {one.slot: one.stored for one in first.partitions if one.stored is not None}
    now = {one.slot: one.stored for one in last.partitions if one.stored is not None and one.slot in before}
    moved = {slot: stored - before[slot] for slot, stored in now.items()}
    return {slot: offsets / seconds for slot, offsets in moved.items() if offsets >= 0 and seconds > 0}


class Room(msgspec.Struct, frozen=True):
    """How much a frame may take; `height` None: as many lines as there are partitions."""

    width: int
    height: int | None = None


def frame(pictures: Sequence[Picture], prefix: str, room: Room) -> Group:
    """What is known now, the last of `pictures`; topics are named without their `prefix`."""
    picture, speed = pictures[-1], rates(pictures)
    ordered = sorted(picture.partitions, key=_badness)
    rows = [_cells(one, str(one.slot).removeprefix(prefix), speed.get(one.slot)) for one in ordered]
    lines = None if room.height is None else max(1, room.height - _LINES_AROUND)
    reasons = _cut_reasons(rows, room.width, lines)
    shown = rows if lines is None else rows[: max(1, lines - len(reasons))]
    parts: list[RenderableType] = [_head(picture, prefix), Text(), _table(shown, rows, room.width)]
    if len(shown) < len(rows):
        parts.append(Text(f"and {len(rows) - len(shown)} more, none of them worse", style="dim"))
    parts += [*reasons, Text(), _totals(picture, speed), _redis(picture), _newest_run(picture)]
    return Group(*parts)


def _badness(one: Partition) -> tuple[int, int, SlotName]:
    """By lag only where one is about twice another: a row that changes place every second cannot be read."""
    status = one.verdict.status if one.verdict else None
    doublings = int((one.lag_seconds or 0.0) / _SAME_SECONDS).bit_length()
    return (_WORST_FIRST.index(status), -doublings, one.slot)


def _head(picture: Picture, prefix: str) -> Text:
    now = dt.datetime.fromtimestamp(picture.at, dt.UTC)
    head = Text(f"{prefix.rstrip('.')}   {now:%Y-%m-%d %H:%M:%S} UTC", style="bold", no_wrap=True, overflow="ellipsis")
    for source in (picture.kafka, picture.redis):
        head.append(f"   {source.name} ")
        head.append("ok" if source.up else "no answer", style="green" if source.up else "red")
    if picture.missing_topics:
        head.append(f"   missing: {', '.join(picture.missing_topics)}", style="red")
    return head


def _table(shown: Sequence[_Row], rows: Sequence[_Row], width: int) -> Table:
    """All columns whole but for the last, which gets what is left."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in _HEADING:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True)
    left = _left_for_last(rows, width)
    for *whole, last in shown:
        cut = last.copy()
        cut.truncate(left, overflow="ellipsis")
        table.add_row(*whole, cut)
    return table


def _left_for_last(rows: Sequence[_Row], width: int) -> int:
    """By all rows, so that it does not depend on how many there is room for."""
    widths = [max(len(_HEADING[i]), *(len(row[i]) for row in rows), 0) for i in range(len(_HEADING) - 1)]
    return max(len(_HEADING[-1]), width - sum(widths) - 2 * len(widths))


def _cut_reasons(rows: Sequence[_Row], width: int, lines: int | None) -> list[Text]:
    """What is wrong with the worst rows where the table cuts that, as lines; an empty one before them."""
    left, found = _left_for_last(rows, width), [Text()]
    cut = [row for row in rows if len(row[-1]) > left and row[1].plain != Status.OK]
    for name, status, *_, last in cut[:_WHOLE_REASONS]:
        said = textwrap.wrap(f"{name}: {last}", width, subsequent_indent="  ", break_on_hyphens=False)
        if lines is not None and len(found) + len(said) > lines // 2:
            break
        found += [Text(line, style=status.style) for line in said]
    return found if len(found) > 1 else []


def _cells(one: Partition, name: str, rate: float | None) -> _Row:
    status = one.verdict.status if one.verdict else None
    reason = one.verdict.reason if one.verdict else None
    day = one.totals.newest_day if one.totals else 0
    return (
        Text(name),
        Text(status or "unknown", style=COLORS[status] if status else "yellow"),
        Text("-" if one.lag is None else f"{one.lag:,}"),
        Text(duration(one.lag_seconds)),
        Text("-" if rate is None else f"{rate:,.0f}"),
        Text(dt.date.fromordinal(day).isoformat() if day else "-"),
        Text(reason or one.owner or one.note or "-"),
    )


def _totals(picture: Picture, speed: Mapping[SlotName, float]) -> Text:
    lags = [one.lag for one in picture.partitions]
    ages = [one.lag_seconds for one in picture.partitions if one.lag_seconds is not None]
    unknown = sum(lag is None for lag in lags)
    workers = {_MEMBER.sub("", one.owner) for one in picture.partitions if one.owner}
    return _line(
        "stream",
        f"{len(workers)} worker{'' if len(workers) == 1 else 's'}",
        f"{sum(speed.values()):,.0f} events/s" if speed else "",
        f"{sum(lag or 0 for lag in lags):,} wait" + (f", {unknown} unknown" if unknown else ""),
        f"oldest {duration(max(ages))} behind" if ages and max(ages) > 0 else "",
    )


def _redis(picture: Picture) -> Text:
    state = picture.state
    if state is None:
        return _line("redis", f"unknown: {picture.redis.error}")
    return _line("redis", _memory(state), *_warnings(state))


def _memory(state: RedisState) -> str:
    if not state.memory_limit:
        return f"{size(state.memory)}, no limit"
    return f"{size(state.memory)} of {size(state.memory_limit)} ({state.memory / state.memory_limit:.0%})"


def _warnings(state: RedisState) -> list[str]:
    found = [
        (not state.append_only, "no append-only file"),
        (not state.append_only_ok, "writing or shrinking its append-only file failed"),
        (not state.snapshot_ok, "its last snapshot failed"),
        (state.evicted_keys > 0, f"{state.evicted_keys:,} keys evicted"),
        (state.memory_policy.startswith("allkeys"), f"maxmemory-policy {state.memory_policy}"),
    ]
    return [text for holds, text in found if holds]


def _newest_run(picture: Picture) -> Text:
    run = picture.run
    if run is None:
        return _line("newest run", picture.run_error or "none")
    manifest = run.manifest
    return _line(
        "newest run",
        f"{manifest.as_of}, revision {manifest.revision}",
        f"{manifest.accounts:,} accounts",
        f"published {duration(picture.at - run.timestamp / 1000)} ago",
    )


def _line(name: str, *said: str) -> Text:
    text = Text(f"{name:<12}", style="bold")
    return text.append("   ".join(part for part in said if part), style="not bold")


def duration(seconds: float | None) -> str:
    """Short, in the unit that fits: `0.4 s`, `12 s`, `3.5 min`, `2.0 h`, `4.1 d`."""
    if seconds is None:
        return "-"
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004  where tenths stop to matter


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < _KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIB
    return f"{count:.1f} TiB"
