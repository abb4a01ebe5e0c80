from schemas.exits import Blocked
from store.layout import Header, SlotName
from store.offsets import LogBounds
from stream.lag import BEFORE_START, NO_SLOT, OTHER_TOPIC, PAST_END, LagRow, lag_rows

SLOT = SlotName("t.actions", 0)


def header(next_offset: int, topic_id: str = "id") -> Header:
    return Header(timezone="UTC", topic_id=topic_id, next_offset=next_offset, first_offset=0)


def row(start: int, end: int, stored: Header | Blocked | None) -> LagRow:
    (only,) = lag_rows({SLOT: LogBounds(start, end)}, {} if stored is None else {SLOT: stored}, {"t.actions": "id"})
    return only


def judged(start: int, end: int, stored: Header | Blocked | None) -> tuple[int | None, int | None, str | None]:
    found = row(start, end, stored)
    return found.stored_offset, found.lag, found.note


def test_the_lag_is_what_is_between_the_stored_offset_and_the_end() -> None:
    assert row(10, 100, header(70)) == LagRow("t.actions", 0, 10, 100, 70, 30, None)


def test_a_slot_at_the_end_of_its_log_has_no_lag() -> None:
    assert judged(10, 100, header(100)) == (100, 0, None)


def test_without_a_slot_the_whole_log_is_to_be_counted() -> None:
    assert judged(10, 100, None) == (None, 90, NO_SLOT)
    assert judged(10, 10, None) == (None, 0, NO_SLOT)


def test_an_unknown_lag_is_never_a_number() -> None:
    assert judged(0, 100, header(101)) == (101, None, PAST_END)
    assert judged(50, 100, header(49)) == (49, None, BEFORE_START)
    assert judged(0, 100, header(100, "another")) == (100, None, OTHER_TOPIC)
    assert judged(0, 100, Blocked("foreign bytes")) == (None, None, "foreign bytes")


def test_rows_come_in_order_of_topic_and_partition() -> None:
    slots = [SlotName("t.b", 10), SlotName("t.b", 9), SlotName("t.a", 0)]
    rows = lag_rows({slot: LogBounds(0, 0) for slot in slots}, {}, {"t.a": "", "t.b": ""})
    assert [(one.topic, one.partition) for one in rows] == [("t.a", 0), ("t.b", 9), ("t.b", 10)]
