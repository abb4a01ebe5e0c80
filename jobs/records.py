"""The account record in force on a day, and the accounts that stand forgotten.

A null record forgets what came before it in the topic. Within a partition "before" is by offset; where an account lies
in several partitions, it is by (record timestamp, partition, offset), a timestamp being at least that of the account's
earlier records in the same partition, so that this order never contradicts the order within one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

from jobs.snapshot import AccountsPart
from schemas.accounts import AccountEntry
from store.layout import SlotName

BEFORE_ALL = -(2**62)
"""Effective from before any moment: what an absent `effective_at` means."""


class Sourced(NamedTuple):
    """A record and the slot that it lies in."""

    slot: SlotName
    entry: AccountEntry


@dataclass(frozen=True)
class AccountRecords:
    """What the accounts topic says as of one day.

    `in_force`: the record in force by account; an account that has only records of later days is not in it.
    `forgotten`: the null record by account, for accounts whose last record is null.
    """

    in_force: dict[str, Sourced] = field(default_factory=dict)
    forgotten: dict[str, Sourced] = field(default_factory=dict)


def records_in_force(parts: Sequence[AccountsPart], before: int) -> AccountRecords:
    """Find the records in force just before the moment `before` (ms), the first instant after as_of."""
    result = AccountRecords()
    scattered = _accounts_in_several(parts)
    for part in parts:
        entries = part.entries
        if scattered:
            entries = [entry for entry in entries if entry.account_id not in scattered]
        _fold(result, map(Sourced, repeat(part.slot), entries), before)
    if scattered:
        _fold(result, _in_topic_order(parts, scattered), before)
    return result


def _fold(result: AccountRecords, records: Iterable[Sourced], before: int) -> None:
    """Apply records in topic order (of each account)."""
    in_force, forgotten = result.in_force, result.forgotten
    for record in records:
        entry = record.entry
        account = entry.account_id
        if entry.forgotten:
            in_force.pop(account, None)
            forgotten[account] = record
            continue
        forgotten.pop(account, None)
        since = _since(entry)
        if since >= before:
            continue
        held = in_force.get(account)
        if held is None or since >= _since(held.entry):
            in_force[account] = record


def _since(entry: AccountEntry) -> int:
    return BEFORE_ALL if entry.effective_at is None else entry.effective_at


def _accounts_in_several(parts: Sequence[AccountsPart]) -> set[str]:
    seen: set[str] = set()
    several: set[str] = set()
    for part in parts:
        here = {entry.account_id for entry in part.entries}
        several |= here & seen
        seen |= here
    return several


def _in_topic_order(parts: Sequence[AccountsPart], accounts: set[str]) -> list[Sourced]:
    keyed: list[tuple[tuple[int, int, int], Sourced]] = []
    for part in parts:
        latest: dict[str, int] = {}
        for entry in part.entries:
            account = entry.account_id
            if account in accounts:
                latest[account] = max(entry.timestamp, latest.get(account, entry.timestamp))
                keyed.append(((latest[account], part.slot.partition, entry.offset), Sourced(part.slot, entry)))
    keyed.sort(key=lambda pair: pair[0])
    return [record for _, record in keyed]
