import re

import pytest

from schemas.exits import Blocked, Obstacle
from store.layout import BEING_EMPTIED, Header, SlotName
from store.offsets import LogBounds
from stream.lag import NO_SLOT, LagRow, lag_row, lag_rows, lost_note

SLOT = SlotName("t.actions", 0)


def header(next_offset: int, topic_id: str = "id", layout: int = 1, timezone: str = "UTC") -> Header:
    return Header(timezone=timezone, topic_id=topic_id, next_offset=next_offset, first_offset=0, layout=layout)


def row(start: int, end: int, stored: Header | Blocked | None) -> LagRow:
    return lag_row(SLOT, LogBounds(start, end), stored, "id", "UTC")


def judged(start: int, end: int, stored: Header | Blocked | None) -> tuple[object, ...]:
    found = row(start, end, stored)
    return found.stored_offset, found.lag, found.note, found.obstacle


def test_the_lag_is_what_is_between_the_stored_offset_and_the_end() -> None:
    assert row(10, 100, header(70)) == LagRow("t.actions", 0, 10, 100, 70, 30, None, None)


def test_a_slot_at_the_end_of_its_log_has_no_lag() -> None:
    assert judged(10, 100, header(100)) == (100, 0, None, None)


def test_without_a_slot_the_whole_log_is_to_be_counted() -> None:
    assert judged(10, 100, None) == (None, 90, NO_SLOT, None)
    assert judged(10, 10, None) == (None, 0, NO_SLOT, None)
    *figures, _, obstacle = judged(10, 100, header(70, layout=BEING_EMPTIED))
    assert (figures, obstacle) == ([70, 90], Obstacle.BEING_EMPTIED)


@pytest.mark.parametrize(
    ("start", "stored", "next_offset", "obstacle"),
    [
        (0, header(101), 101, Obstacle.PAST_END),
        (50, header(49), 49, Obstacle.BEFORE_START),
        (0, header(100, "another"), 100, Obstacle.OTHER_TOPIC),
        (0, Blocked("foreign bytes"), None, Obstacle.UNREADABLE),
    ],
)
def test_an_unknown_lag_is_never_a_number(
    start: int, stored: Header | Blocked, next_offset: int | None, obstacle: Obstacle
) -> None:
    found = row(start, 100, stored)
    assert (found.stored_offset, found.lag, found.obstacle) == (next_offset, None, obstacle)
    assert found.note


REBUILD = "`engagement-stream rebuild --topic actions --partition 0`"
ACCEPT_GAP = "`engagement-stream accept-gap --topic actions --partition 0`"


@pytest.mark.parametrize(
    ("start", "stored", "said", "ways"),
    [
        (0, header(101), "offset 101 is next, but the log ends at 100", [ACCEPT_GAP, REBUILD]),
        (50, header(49), "starts at 50, but offset 49 is next", [ACCEPT_GAP, REBUILD]),
        (0, header(100, "another"), "id another, now id", [REBUILD, ACCEPT_GAP]),
        (0, header(100, layout=BEING_EMPTIED), "being emptied", [REBUILD]),
        (0, header(100, layout=9), "layout 9", [REBUILD]),
        (0, header(100, timezone="Europe/Paris"), "Europe/Paris", [REBUILD]),
    ],
)
def test_a_note_names_whole_commands_the_right_one_first(
    start: int, stored: Header, said: str, ways: list[str]
) -> None:
    note = row(start, 100, stored).note or ""
    assert said in note
    assert re.findall("`engagement-stream [^`]+`", note) == ways


def test_the_note_of_a_lost_slot_names_the_whole_command() -> None:
    assert lost_note(SLOT).endswith(f"restore it, or count again with {REBUILD}")


@pytest.mark.parametrize(
    ("stored", "obstacle"),
    [(header(70, layout=9), Obstacle.LAYOUT), (header(70, timezone="Europe/Paris"), Obstacle.TIMEZONE)],
)
def test_a_slot_that_no_worker_would_load_keeps_its_lag(stored: Header, obstacle: Obstacle) -> None:
    found = row(0, 100, stored)
    assert (found.lag, found.obstacle) == (30, obstacle)
    assert found.note


@pytest.mark.parametrize(("layout", "timezone"), [(9, "UTC"), (1, "Europe/Paris")])
@pytest.mark.parametrize(("start", "offset", "topic_id"), [(0, 101, "id"), (50, 49, "id"), (0, 70, "another")])
def test_a_foreign_offset_has_no_lag_whatever_else_is_wrong(
    start: int, offset: int, topic_id: str, layout: int, timezone: str
) -> None:
    assert row(start, 100, header(offset, topic_id, layout, timezone)).lag is None


def test_rows_come_in_order_of_topic_and_partition() -> None:
    slots = [SlotName("t.b", 10), SlotName("t.b", 9), SlotName("t.a", 0)]
    rows = lag_rows({slot: LogBounds(0, 0) for slot in slots}, {}, {"t.a": "", "t.b": ""}, "UTC")
    assert [(one.topic, one.partition) for one in rows] == [("t.a", 0), ("t.b", 9), ("t.b", 10)]
