from schemas.accounts import AccountEntry
from store.account_records import AccountsPart, records_in_force
from store.layout import SlotName

END = 1_000


def part(*entries: AccountEntry, partition: int = 0) -> AccountsPart:
    return AccountsPart(SlotName("t.accounts", partition), list(entries))


def record(offset: int, status: str, since: int | None = None, timestamp: int = 0) -> AccountEntry:
    return AccountEntry(offset, timestamp, "a", effective_at=since, status=status)


def null(offset: int, timestamp: int = 0) -> AccountEntry:
    return AccountEntry(offset, timestamp, "a", forgotten=True)


def status(*parts: AccountsPart) -> str | None:
    held = records_in_force(parts, END).in_force.get("a")
    return held.status if held else None


def test_the_greatest_effective_at_holds_whatever_the_order_of_arrival() -> None:
    assert status(part(record(0, "new", 20), record(1, "old", 10))) == "new"


def test_among_equal_moments_the_last_record_holds() -> None:
    assert status(part(record(0, "first", 20), record(1, "last", 20))) == "last"


def test_a_record_without_effective_at_holds_only_before_all_others() -> None:
    assert status(part(record(0, "dated", -(10**15)), record(1, "undated"))) == "dated"


def test_a_record_that_begins_with_the_next_day_is_not_in_force() -> None:
    assert status(part(record(0, "today", END - 1), record(1, "tomorrow", END))) == "today"


def test_a_null_forgets_what_came_before_it_and_a_later_record_brings_the_account_back() -> None:
    log = part(record(0, "old", 500), null(1), record(2, "back", 10))
    assert status(log) == "back"
    assert records_in_force([log], END).forgotten == {}


def test_an_account_whose_last_record_is_null_stands_forgotten() -> None:
    found = records_in_force([part(record(0, "old"), null(1))], END)
    assert found.in_force == {}
    assert found.forgotten["a"].offset == 1


def test_a_record_of_a_later_day_ends_the_forgetting_without_being_in_force() -> None:
    found = records_in_force([part(null(0), record(1, "tomorrow", END))], END)
    assert (found.in_force, found.forgotten) == ({}, {})


def test_within_a_partition_the_offset_decides_though_timestamps_go_back() -> None:
    assert status(part(record(0, "first", timestamp=9), record(1, "last", timestamp=5))) == "last"


def test_across_partitions_the_record_timestamp_decides_and_then_the_partition() -> None:
    late, early = part(record(0, "late", timestamp=9)), part(record(7, "early", timestamp=5), partition=1)
    assert status(late, early) == "late"
    same = part(record(0, "second", timestamp=9), partition=1)
    assert status(late, same) == "second"
    assert status(same, late) == "second"


def test_a_null_in_another_partition_forgets_by_timestamp() -> None:
    assert status(part(record(0, "gone", timestamp=5)), part(null(0, timestamp=6), partition=1)) is None
    assert status(part(record(0, "kept", timestamp=7)), part(null(0, timestamp=6), partition=1)) == "kept"
