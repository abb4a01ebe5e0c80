import msgspec

from store.layout import Gap, Header, SlotName
from store.offsets import LogBounds
from stream.rebuild import Partition, past_gap, refusal

SLOT = SlotName("t.actions", 3)


def partition(start: int = 0, end: int = 100, owner: str | None = None, topic_id: str = "id") -> Partition:
    return Partition(SLOT, LogBounds(start, end), topic_id, owner)


def header(next_offset: int = 50, first_offset: int = 0) -> Header:
    return Header(timezone="UTC", topic_id="id", next_offset=next_offset, first_offset=first_offset, leader_epoch=7)


def test_a_free_slot_whose_log_reaches_back_may_be_counted_again() -> None:
    assert refusal(partition(), header()) is None
    assert refusal(partition(start=20), header(first_offset=20)) is None


def test_a_slot_that_was_never_counted_may_be_where_its_log_is_whole() -> None:
    assert refusal(partition(), None) is None
    assert "no readable header" in str(refusal(partition(start=1), None))


def test_an_owned_slot_is_refused_and_its_owner_named() -> None:
    assert "worker-1 at host" in str(refusal(partition(owner="worker-1 at host"), header()))


def test_a_slot_is_refused_where_its_first_records_are_gone_from_the_log() -> None:
    assert "no longer reaches back" in str(refusal(partition(start=21), header(first_offset=20)))


def test_a_slot_of_a_deleted_topic_is_refused() -> None:
    assert "deleted since" in str(refusal(partition(topic_id="new"), header()))


def test_a_slot_within_its_log_has_no_gap() -> None:
    assert [past_gap(partition(20, 100), header(offset)) for offset in (20, 50, 100)] == [None, None, None]


def test_past_a_gap_a_slot_goes_on_at_the_start_of_its_log() -> None:
    moved = past_gap(partition(start=60), header(50))
    assert moved is not None
    assert (moved.next_offset, moved.gaps, moved.leader_epoch) == (60, (Gap(50, 60),), None)


def test_past_the_end_of_a_cut_log_a_slot_goes_on_at_the_end() -> None:
    moved = past_gap(partition(end=40), header(50))
    assert moved is not None
    assert (moved.next_offset, moved.gaps) == (40, (Gap(50, 40),))


def test_all_of_a_new_topic_is_still_to_be_counted_even_where_offsets_fit() -> None:
    moved = past_gap(partition(start=0, topic_id="new"), header(50))
    assert moved is not None
    assert (moved.next_offset, moved.topic_id, moved.gaps) == (0, "new", (Gap(50, 0),))


def test_accepting_a_gap_keeps_every_figure() -> None:
    before = msgspec.structs.replace(header(50), counted=48, rejected=2, newest_day=9, lengths={"accounts": 7})
    moved = past_gap(partition(start=60), before)
    assert moved is not None
    assert (moved.counted, moved.rejected, moved.newest_day, moved.lengths) == (48, 2, 9, {"accounts": 7})
