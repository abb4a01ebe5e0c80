"""What a full partition refuses, and that a refused record leaves no trace."""

import dataclasses
import datetime as dt
import json

import numpy as np
import pytest

from schemas.moments import Calendar
from schemas.rejects import Reason
from store.layout import Header, SlotName
from stream.account_slot import AccountSlot
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.batch import Batch
from stream.limits import Limits, Table, full_table
from stream.slot import SlotRules
from tests.parts import settings_with
from tests.property.plain_slot import LogRecord
from tests.property.slot_owner import batch_of

NAMES = {"account_id": "acme", "user_id": "ann", "action": "view", "user_profile": "staff"}
LONG = "n" * 100


def rules(**limits: int) -> SlotRules:
    return SlotRules(Calendar("UTC"), 3, 93, 1 << 20, user_scores=True, limits=Limits(**limits))


def slot(**limits: int) -> ActionSlot:
    header = Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0)
    return ActionSlot(header, rules(**limits), dict.fromkeys(LOADED_AT_START, b""))


def count(held: ActionSlot, *records: dict[str, str], day: str = "2025-06-30") -> list[str | None]:
    """Count records in one batch; the detail of each that is refused."""
    values = [json.dumps({**NAMES, "timestamp": f"{day}T10:00:00Z", **record}).encode() for record in records]
    first = held.header.next_offset
    batch = batch_of(
        [LogRecord(first + at, 1_800_000_000_000, value, None) for at, value in enumerate(values)], first + len(values)
    )
    prepared = held.prepare(batch)
    held.apply(prepared)
    assert all(refused.reason is Reason.LIMIT_REACHED for _, refused in prepared.rejects)
    details = {at: refused.detail for at, refused in prepared.rejects}
    return [details.get(at) for at in range(len(records))]


@pytest.mark.parametrize(
    ("field", "limit", "setting"),
    [
        ("account_id", "accounts", "max_accounts"),
        ("user_id", "users", "max_users"),
        ("action", "actions", "max_actions"),
        ("user_profile", "profiles", "max_profiles"),
        ("action", "series", "max_series"),
        ("user_id", "series", "max_series"),
        ("account_id", "name_bytes", "max_name_bytes"),
        ("user_id", "name_bytes", "max_name_bytes"),
    ],
)
def test_a_full_table_refuses_what_is_new_to_it_and_goes_on_with_what_it_knows(
    field: str, limit: str, setting: str
) -> None:
    held = slot(**{limit: 1})

    details = count(held, {}, {field: "new"}, {}, {field: LONG}, {field: LONG})

    assert [detail is None for detail in details] == [True, False, True, False, False]
    assert f"all that {setting} allows" in str(details[1])
    assert (held.header.counted, held.header.rejected) == (2, 3)


def test_a_refused_record_adds_to_no_table_not_even_where_there_is_room() -> None:
    held = slot(actions=1)
    count(held, {}, {"account_id": "other", "user_id": "bob", "user_profile": LONG, "action": "new"})

    assert held._tables.sizes().tolist() == [1, 1, 1, 1, 1, 1, 7]  # noqa: SLF001  tables are what this is about


def test_looking_for_long_names_that_are_refused_keeps_none_of_them() -> None:
    held = slot(accounts=1)
    count(held, {}, *({"account_id": f"{LONG}{number}"} for number in range(50)))

    assert not held._tables.accounts._long  # noqa: SLF001  memory is what this is about


@pytest.mark.parametrize("together", [True, False])
def test_a_refused_record_does_not_move_the_newest_day_of_those_behind_it(together: bool) -> None:  # noqa: FBT001  a table
    held = slot(accounts=1)
    a_year_on = {"account_id": "new", "timestamp": "2026-06-30T10:00:00Z"}
    records = [{}, a_year_on, {"timestamp": "2025-06-30T10:00:00Z"}]

    for batch in [records] if together else [[record] for record in records]:
        count(held, *batch)

    assert (held.header.counted, held.header.rejected) == (2, 1)
    assert held.header.newest_day == dt.date(2025, 6, 30).toordinal()


def test_a_table_that_fills_up_within_a_batch_takes_the_first_names_of_the_log() -> None:
    held = slot(users=3)

    details = count(held, *({"user_id": name} for name in "abacdbe"))

    assert [detail is None for detail in details] == [True, True, True, True, False, True, False]


@pytest.mark.parametrize("room", [1, 2], ids=["full before the batch", "full within it"])
def test_of_several_full_tables_the_first_is_named(room: int) -> None:
    held = slot(accounts=room, users=room, actions=room)
    count(held, {})
    new = [{"account_id": name, "user_id": name, "action": name} for name in "xyz"]

    details = [detail for detail in count(held, *new) if detail]

    assert len(details) == 4 - room
    assert all("max_accounts" in detail for detail in details)


def test_a_limit_below_what_is_held_refuses_only_what_is_new() -> None:
    held = slot()
    count(held, {}, {"account_id": "other"})
    held._rules = rules(accounts=1, name_bytes=1)  # noqa: SLF001  as if it had started again

    assert [detail is None for detail in count(held, {"account_id": "other"}, {"account_id": "new"}, {})] == [
        True,
        False,
        True,
    ]


def test_an_action_without_a_user_needs_no_room_for_a_user_or_a_profile() -> None:
    held = slot(users=1, profiles=1, series=1)
    count(held, {})

    values = [b'{"account_id":"acme","action":"view","user_profile":"new","timestamp":"2025-06-30T10:00:00Z"}']
    batch = batch_of([LogRecord(9, 1_800_000_000_000, values[0], None)], 10)
    assert held.prepare(batch).rejects == []


class Keyed:
    """An account record's message."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def key(self) -> bytes:
        return self._key


def test_an_accounts_partition_keeps_as_many_records_as_its_limit_over_batches() -> None:
    header = Header(timezone="UTC", topic_id="t", next_offset=0, first_offset=0)
    held = AccountSlot(header, rules(account_records=3), {})
    refused: list[int] = []
    for first in (0, 2, 4):
        values: list[bytes | None] = [b'{"account_id":"a"}', None]
        offsets = np.arange(first, first + 2)
        batch = Batch(SlotName("t", 0), 0, [Keyed(b"a")] * 2, values, offsets, offsets, first + 2, None)
        prepared = held.prepare(batch)
        held.apply(prepared)
        refused += [first + at for at, why in prepared.rejects if why.reason is Reason.LIMIT_REACHED]

    assert refused == [3, 4, 5]
    assert (held.header.counted, held.header.rejected) == (3, 3)


def test_the_limits_are_those_of_the_settings() -> None:
    wanted = {field.name: number for number, field in enumerate(dataclasses.fields(Limits), 1)}
    settings = settings_with(**{f"max_{name}": number for name, number in wanted.items()})

    assert dataclasses.asdict(SlotRules.of(settings).limits) == wanted


@pytest.mark.parametrize("table", Table)
def test_a_detail_names_the_table_its_limit_and_the_setting_to_raise(table: Table) -> None:
    detail = full_table(table, Limits(*range(11, 18))).detail

    assert f" {Limits(*range(11, 18)).by_table()[table]} " in detail
    assert "raise max_" in detail
