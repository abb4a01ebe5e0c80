"""What `engagement-stream lag` draws on a terminal."""

import io

import pytest
from rich.console import Console

from schemas.exits import Obstacle
from store.layout import SlotName
from store.obstacles import of_log
from store.offsets import LogBounds
from stream.lag_report import HEADING, LagLine, lag_view
from stream.lag_status import Status

SLOT = SlotName("engagement.actions", 3)
FOUND = of_log(SLOT, 49, LogBounds(50, 100))
NOTE = FOUND.note if FOUND else ""
CALM = LagLine(
    topic="engagement.accounts",
    partition=0,
    log_start=0,
    log_end=1_500_000,
    stored_offset=1_500_000,
    lag=0,
    note=None,
    status=Status.OK,
    lag_seconds=0.0,
    owner="rdkafka/1a2b3c4d at 10.0.0.17",
    obstacle=None,
    looked_at="",
)
STOPPED = LagLine(
    topic=SLOT.topic,
    partition=SLOT.partition,
    log_start=50,
    log_end=100,
    stored_offset=49,
    lag=None,
    note=NOTE,
    status=Status.STOPPED,
    lag_seconds=None,
    owner=None,
    obstacle=Obstacle.BEFORE_START,
    looked_at="",
)


def drawn(width: int, *lines: LagLine, colors: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, record=True, force_terminal=True, color_system="standard")
    console.print(lag_view(lines, width))
    return console.export_text(styles=colors)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200, 1000])
def test_no_word_is_broken_and_none_is_lost_however_wide_the_terminal_is(width: int) -> None:
    text = drawn(width, CALM, STOPPED)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    words = text.split()
    for line in (CALM, STOPPED):
        for cell in (line.topic, line.status, line.lag, line.stored_offset, line.log_end):
            assert cell is None or any(str(cell) == word.rstrip(";") for word in words), (cell, text)
    assert [word for word in NOTE.split() if word not in words] == []
    assert [word for word in str(CALM.owner).split() if word not in words] == []


def test_on_a_wide_terminal_all_is_in_one_table() -> None:
    heading, *rows = drawn(1000, CALM, STOPPED).splitlines()
    assert heading.split() == " ".join(HEADING).split()
    assert [row.split()[2] for row in rows] == ["OK", "STOPPED"]
    assert rows[1].rstrip().endswith(NOTE)


def test_on_a_narrow_one_what_has_no_room_is_told_below_by_partition() -> None:
    text = drawn(80, CALM, STOPPED)
    table, below = text.split("\n\n")
    assert [line.split()[:3] for line in table.splitlines()[1:]] == [
        ["engagement.accounts", "0", "OK"],
        ["engagement.actions", "3", "STOPPED"],
    ]
    told = " ".join(line.strip() for line in below.splitlines())
    assert told == f"engagement.accounts/0: owner {CALM.owner} engagement.actions/3: {NOTE}"


def test_where_nothing_is_left_out_nothing_is_told_below() -> None:
    assert "\n\n" not in drawn(200, CALM)


def test_the_status_has_its_color_and_figures_have_none() -> None:
    text = drawn(1000, CALM, STOPPED, colors=True)
    assert "\x1b[32mOK" in text
    assert "\x1b[31mSTOPPED" in text
    assert text.count("\x1b[3") == 2


def test_text_that_looks_like_markup_is_shown_as_it_is() -> None:
    odd = LagLine(**{name: getattr(CALM, name) for name in CALM.__struct_fields__} | {"note": "[red]not so[/red]"})
    assert "[red]not so[/red]" in drawn(1000, odd)
