"""Finding an account in a slot's tables, and which of its records is in force."""

from random import Random

import pytest

from schemas.accounts import AccountEntry
from store import tables
from store.account_records import AccountsPart, records_in_force
from store.layout import SlotName
from stream.inspect_slots import RecordOfAccount, find_account, in_force

NAMES = ["b", "ab", "a", "abab", "bab", "aba", "zürich", "zu", "ürich", "x" * 256, "漢字", "字"]
MOMENTS = 6


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_at_its_place_and_not_inside_of_others(name: str) -> None:
    assert find_account(*tables.encode_names(NAMES), name) == NAMES.index(name)


@pytest.mark.parametrize("name", ["", "c", "ba", "abb", "babab", "zürich ", "漢", "x" * 255, "x" * 257])
def test_a_name_that_is_only_a_part_of_the_table_is_not_found(name: str) -> None:
    assert find_account(*tables.encode_names(NAMES), name) is None


def test_nothing_is_found_in_an_empty_table() -> None:
    assert find_account(b"", b"", "a") is None


def any_entries(random: Random, count: int) -> list[AccountEntry]:
    """Records of one account and partition, some null, some without a moment; timestamps go back and forth."""
    return [
        AccountEntry(
            offset=offset,
            timestamp=random.randrange(MOMENTS),
            account_id="a",
            forgotten=random.random() < 0.2,
            effective_at=random.choice([None, *range(MOMENTS)]),
        )
        for offset in range(count)
    ]


@pytest.mark.parametrize("seed", range(300))
def test_the_record_in_force_is_the_one_that_the_daily_job_takes(seed: int) -> None:
    random = Random(seed)
    slots = [SlotName("accounts", partition) for partition in range(2)]
    held = {slot: any_entries(random, random.randrange(5)) for slot in slots}
    now = random.randrange(MOMENTS + 1)
    expected = records_in_force([AccountsPart(slot, entries) for slot, entries in held.items()], now).in_force.get("a")
    found = in_force([RecordOfAccount(slot, entry) for slot, entries in held.items() for entry in entries], now)
    assert (found.entry if found else None) is expected
