"""What `engagement-stream inspect` prints of an account: one JSON record, or tables."""

import datetime as dt
from collections.abc import Sequence
from typing import TextIO

import msgspec

from store.console import write_table
from stream.inspect_slots import AccountInSlot, DayOfAccount, RecordOfAccount, in_force

SLOT_HEADING = ("slot", "dense id", "first day", "users", "newest day", "time zone", "next offset")
DAY_HEADING = ("slot", "day", "action", "actions", "active users", "minutes", "state")
RECORD_HEADING = ("slot", "offset", "status", "licenses", "created", "effective from", "in force")


class DayFigures(msgspec.Struct, frozen=True):
    """One day; `minutes` may still grow while it is not `closed`."""

    day: str
    actions: dict[str, int]
    active_users: int
    minutes: int
    closed: bool


class SlotFigures(msgspec.Struct, frozen=True):
    """The account in one partition of the actions topic, as of the offset that is next there."""

    topic: str
    partition: int
    dense_id: int
    first_day: str | None
    users: int
    newest_day: str | None
    timezone: str
    next_offset: int
    days: list[DayFigures]


class RecordFigures(msgspec.Struct, frozen=True):
    """One of the account's records. `effective_at` None is before all others; `in_force` at the moment of looking."""

    topic: str
    partition: int
    offset: int
    at: str
    forgotten: bool
    status: str | None
    licenses: int | None
    created_day: str | None
    effective_at: str | None
    in_force: bool


class Inspection(msgspec.Struct, frozen=True):
    """All that the slots hold about an account."""

    account_id: str
    slots: list[SlotFigures]
    records: list[RecordFigures]


def inspection(
    account: str, slots: Sequence[AccountInSlot], records: Sequence[RecordOfAccount], now: int
) -> Inspection:
    """Put what was found into words; `now` (ms) decides which record is in force."""
    current = in_force(list(records), now)
    return Inspection(account, [_slot(one) for one in slots], [_record(one, one is current) for one in records])


def _slot(one: AccountInSlot) -> SlotFigures:
    return SlotFigures(
        topic=one.slot.topic,
        partition=one.slot.partition,
        dense_id=one.account,
        first_day=_day(one.first_day),
        users=one.users,
        newest_day=_day(one.header.newest_day),
        timezone=one.header.timezone,
        next_offset=one.header.next_offset,
        days=[_figures(day) for day in one.days],
    )


def _figures(one: DayOfAccount) -> DayFigures:
    day = dt.date.fromordinal(one.day).isoformat()
    return DayFigures(day, one.actions, one.active_users, one.minutes, one.closed)


def _record(one: RecordOfAccount, current: bool) -> RecordFigures:  # noqa: FBT001  whether it is in force
    entry = one.entry
    return RecordFigures(
        topic=one.slot.topic,
        partition=one.slot.partition,
        offset=entry.offset,
        at=_moment(entry.timestamp),
        forgotten=entry.forgotten,
        status=entry.status,
        licenses=entry.licenses,
        created_day=_day(entry.created_day),
        effective_at=None if entry.effective_at is None else _moment(entry.effective_at),
        in_force=current,
    )


def _day(ordinal: int | None) -> str | None:
    return dt.date.fromordinal(ordinal).isoformat() if ordinal else None


def _moment(ms: int) -> str:
    """RFC 3339; an account's moments may lie outside what a datetime holds."""
    try:
        return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=ms)).isoformat()
    except OverflowError:
        return f"{ms} ms"


def print_inspection(found: Inspection, out: TextIO) -> None:
    """Print up to three tables: where the account is, its days, its records."""
    write_table(out, SLOT_HEADING, [_slot_cells(one) for one in found.slots])
    rows = [row for one in found.slots for day in one.days for row in _day_rows(one, day)]
    if rows:
        out.write("\n")
        write_table(out, DAY_HEADING, rows)
    if found.records:
        out.write("\n")
        write_table(out, RECORD_HEADING, [_record_cells(one) for one in found.records])


def _slot_cells(one: SlotFigures) -> tuple[object, ...]:
    days = (one.first_day, one.users, one.newest_day)
    return (f"{one.topic}/{one.partition}", one.dense_id, *days, one.timezone, one.next_offset)


def _day_rows(one: SlotFigures, day: DayFigures) -> list[tuple[object, ...]]:
    """A row for each action; what is true of the whole day stands in the first one."""
    slot, state = f"{one.topic}/{one.partition}", "closed" if day.closed else "open"
    actions = list(day.actions.items())
    first = (slot, day.day, *actions[0], day.active_users, day.minutes, state)
    return [first, *((slot, day.day, *counted, None, None, "") for counted in actions[1:])]


def _record_cells(one: RecordFigures) -> tuple[object, ...]:
    what = ("(forgotten)", None, None, None) if one.forgotten else _fields(one)
    return (f"{one.topic}/{one.partition}", one.offset, *what, "yes" if one.in_force else "")


def _fields(one: RecordFigures) -> tuple[object, ...]:
    return (one.status, one.licenses, one.created_day, one.effective_at or "before all others")
