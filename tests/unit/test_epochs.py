"""The stored leader epoch is that of a record, and holds for the offset behind that record alone."""

import numpy as np

from schemas.moments import Calendar
from store.layout import Header, SlotName
from stream.account_slot import AccountSlot
from stream.assignment import start_of
from stream.batch import Batch
from stream.slot import SlotRules

NAME = SlotName("t.accounts", 0)
RULES = SlotRules(Calendar("UTC"), 3, 400, 1 << 20, user_scores=False)


class Record:
    def key(self) -> bytes:
        return b"acme"


def batch(offsets: list[int], end: int, epoch: int | None) -> Batch:
    places = np.array(offsets, np.int64)
    values: list[bytes | None] = [b'{"account_id":"acme"}'] * len(offsets)
    return Batch(NAME, 0, [Record()] * len(offsets), values, places, places, end, epoch)


def slot_after(*batches: Batch) -> AccountSlot:
    slot = AccountSlot(Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0), RULES, {})
    for one in batches:
        slot.apply(slot.prepare(one))
    return slot


def test_behind_a_record_reading_goes_on_under_its_epoch() -> None:
    header = slot_after(batch([0, 1], 2, 5)).header
    assert (header.next_offset, header.epoch_offset, header.leader_epoch) == (2, 2, 5)
    assert start_of(NAME, header, header.next_offset).leader_epoch == 5


def test_markers_of_a_newer_epoch_do_not_look_like_a_truncated_log() -> None:
    header = slot_after(batch([0, 1], 2, 5), batch([], 4, None)).header
    assert (header.next_offset, header.epoch_offset, header.leader_epoch) == (4, 2, 5)
    assert start_of(NAME, header, header.next_offset).leader_epoch is None


def test_the_first_records_of_a_batch_claim_no_epoch_of_later_ones() -> None:
    header = slot_after(batch([0], 1, 5), batch([1, 2, 3], 4, 6).first(2)).header
    assert (header.next_offset, header.epoch_offset, header.leader_epoch) == (3, 1, 5)


def test_records_that_are_counted_already_leave_no_epoch_behind_markers() -> None:
    header = slot_after(batch([0, 1], 2, 5), batch([0, 1], 4, 5).from_offset(2)).header
    assert (header.next_offset, header.epoch_offset, header.leader_epoch) == (4, 2, 5)
