"""What the slots in Redis hold about one account, read with only the strings that takes."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.accounts import AccountEntry
from schemas.exits import EngagementError, Obstacle
from store import obstacles, tables, vectors
from store.account_records import AccountsPart, records_in_force
from store.layout import (
    ACCOUNTS,
    ACTIONS,
    FIRST_DAY,
    RECORDS,
    SERIES,
    USER_ACCOUNTS,
    Header,
    SlotName,
    active,
    count,
    minute_log,
    minutes,
    name_lengths,
)
from store.slots import SlotStore, Snapshot

_NAMES = (ACCOUNTS, name_lengths(ACCOUNTS))
_TABLES = (*_NAMES, ACTIONS, name_lengths(ACTIONS), SERIES, FIRST_DAY, USER_ACCOUNTS)

Strings = Mapping[str, bytearray]


class DayOfAccount(msgspec.Struct, frozen=True):
    """One day that the slot has counters of. `minutes` are final once the day is closed."""

    day: int
    actions: dict[str, int]
    active_users: int
    minutes: int
    closed: bool


class AccountInSlot(msgspec.Struct, frozen=True):
    """An account in one slot of the actions topic; `first_day` 0 is none. Days without any action are left out."""

    slot: SlotName
    header: Header
    account: int
    first_day: int
    users: int
    days: list[DayOfAccount]


class RecordOfAccount(msgspec.Struct, frozen=True):
    """A record of the accounts topic as its slot keeps it."""

    slot: SlotName
    entry: AccountEntry


def find_account(names: bytes | bytearray, lengths: bytes | bytearray, account: str) -> int | None:
    """The dense id of an account in a name table, None where it is not in there.

    Compared byte by byte over the names that are left, as a table may hold a million of them.
    """
    wanted = account.encode()
    sizes = np.frombuffer(lengths, "<u2").astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    text = np.frombuffer(names, np.uint8)
    left = np.flatnonzero(sizes == len(wanted))
    for at, byte in enumerate(wanted):
        left = left[text[starts[left] + at] == byte]
    return int(left[0]) if len(left) else None


def account_in_slot(store: SlotStore, slot: SlotName, account: str, days: int) -> AccountInSlot | None:
    """The account's figures of the last `days` days up to the slot's newest one. None where the slot does not know it.

    Raises Blocked for a slot that this version cannot read.
    """
    if _dense_id(checked_snapshot(store, slot, lambda _: _NAMES), account) is None:
        return None
    # The names once more: since that look a rebuild may have given the ids to other accounts.
    found = checked_snapshot(store, slot, partial(_wanted, days))
    dense = _dense_id(found, account)
    if found is None or dense is None:
        return None
    owners = np.frombuffer(found.strings[USER_ACCOUNTS], "<u4") == dense
    return AccountInSlot(
        slot=slot,
        header=found.header,
        account=dense,
        first_day=int(vectors.cells(found.strings[FIRST_DAY], dense + 1)[dense]),
        users=int(np.count_nonzero(owners)),
        days=list(_days(found.header, found.strings, days, dense, owners)),
    )


def checked_snapshot(store: SlotStore, slot: SlotName, choose: Callable[[Header], Collection[str]]) -> Snapshot | None:
    """As the store's, with Blocked for a slot of another layout; one that is being emptied has its own."""
    found = store.snapshot(slot, choose)
    other = None if found is None else obstacles.of_layout(slot, found.header)
    if other is not None and other.obstacle is Obstacle.LAYOUT:
        raise other.blocked()
    return found


def _dense_id(found: Snapshot | None, account: str) -> int | None:
    if found is None:
        return None
    return find_account(found.strings[ACCOUNTS], found.strings[name_lengths(ACCOUNTS)], account)


def _last_days(header: Header, days: int) -> range:
    return range(max(1, header.newest_day - days + 1), header.newest_day + 1)


def _wanted(days: int, header: Header) -> list[str]:
    kinds = (count, active, minutes, minute_log)
    dated = (kind(day) for day in _last_days(header, days) for kind in kinds)
    return [*_TABLES, *(name for name in dated if name in header.lengths)]


def _days(
    header: Header, strings: Strings, days: int, account: int, owners: NDArray[np.bool_]
) -> Iterator[DayOfAccount]:
    series = tables.pairs(strings[SERIES])
    mine = np.flatnonzero(series[:, 0] == account)
    actions = tables.names(strings[ACTIONS], strings[name_lengths(ACTIONS)])
    for day in _last_days(header, days):
        if count(day) not in strings:
            continue
        cells = vectors.cells(strings[count(day)], len(series))[mine].tolist()
        ids = series[mine, 1].tolist()
        counted = {actions[action]: cell for action, cell in zip(ids, cells, strict=True) if cell}
        if counted:
            acted = vectors.bits(strings.get(active(day), bytearray()), len(owners))
            yield DayOfAccount(
                day=day,
                actions=dict(sorted(counted.items())),
                active_users=int(np.count_nonzero(acted & owners)),
                minutes=_minutes(strings, day, account, owners),
                closed=day <= header.closed_through,
            )


def _minutes(strings: Strings, day: int, account: int, owners: NDArray[np.bool_]) -> int:
    if minutes(day) in strings:
        return int(vectors.cells(strings[minutes(day)], account + 1)[account])
    users = tables.distinct_users(strings.get(minute_log(day), bytearray()))
    return int(np.count_nonzero(owners[users]))


def account_records(store: SlotStore, slot: SlotName, account: str) -> list[RecordOfAccount]:
    """The account's records in one slot of the accounts topic, in order of offset. Raises Blocked as above."""
    found = checked_snapshot(store, slot, lambda _: (RECORDS,))
    entries = tables.entries(found.strings[RECORDS]) if found else ()
    return [RecordOfAccount(slot, entry) for entry in entries if entry.account_id == account]


def in_force(records: list[RecordOfAccount], now: int) -> RecordOfAccount | None:
    """The record of an account that is in force at a moment (ms), as the daily job finds it."""
    parts: dict[SlotName, AccountsPart] = {}
    for one in sorted(records, key=lambda one: (one.slot, one.entry.offset)):
        parts.setdefault(one.slot, AccountsPart(one.slot, [])).entries.append(one.entry)
    found = records_in_force(list(parts.values()), now).in_force.values()
    return next((one for one in records for entry in found if one.entry is entry), None)


def missing(account: str) -> EngagementError:
    """The error for an account that no slot knows."""
    return EngagementError(
        f"no slot knows the account {account!r}: nothing of it was counted; the name must match exactly, "
        "`engagement-stream lag` says what is still to be counted, `engagement-stream rejects list` what was refused"
    )
