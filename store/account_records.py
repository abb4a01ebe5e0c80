"""The account record in force on a day, and the accounts that stand forgotten.

A null record forgets what came before it in the topic. Within a partition "before" is by offset; where an account lies
in several partitions, it is by (record timestamp, partition, offset), a timestamp being at least that of the account's
earlier records in the same partition, so that this order never contradicts the order within one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from schemas.accounts import AccountEntry
from store.layout import SlotName

BEFORE_ALL = -(2**62)
"""Effective from before any moment: what an absent `effective_at` means."""


@dataclass(frozen=True)
class AccountsPart:
    """The valid records of one slot of the accounts topic, in order of offset."""

    slot: SlotName
    entries: list[AccountEntry]
    gapped: bool = False
    """A person had it go on over a gap, perhaps in another topic of the name: offsets say nothing of earlier runs."""


@dataclass(frozen=True)
class AccountRecords:
    """What the accounts topic says as of one day.

    `in_force`: the record in force by account; an account that has only records of later days is not in it.
    `forgotten`: the null record by account, for accounts whose last record is null.
    """

    in_force: dict[str, AccountEntry] = field(default_factory=dict)
    forgotten: dict[str, AccountEntry] = field(default_factory=dict)


def records_in_force(parts: Sequence[AccountsPart], before: int) -> AccountRecords:
    """Find the records in force just before the moment `before` (ms), the first instant after as_of."""
    result = AccountRecords()
    scattered = _accounts_in_several(parts)
    for part in parts:
        entries = part.entries
        if scattered:
            entries = [entry for entry in entries if entry.account_id not in scattered]
        _fold(result, entries, before)
    _fold(result, _in_topic_order(parts, scattered), before)
    return result


def slot_of(parts: Sequence[AccountsPart], entry: AccountEntry) -> SlotName:
    """The slot that a record lies in. Raises StopIteration where it lies in none of them."""
    return next(part.slot for part in parts if any(held is entry for held in part.entries))


def _fold(result: AccountRecords, entries: Iterable[AccountEntry], before: int) -> None:
    """Apply records that come in topic order for each account."""
    in_force, forgotten = result.in_force, result.forgotten
    for entry in entries:
        account = entry.account_id
        if entry.forgotten:
            in_force.pop(account, None)
            forgotten[account] = entry
            continue
        if account in forgotten:
            del forgotten[account]
        since = _since(entry)
        if since < before and (account not in in_force or since >= _since(in_force[account])):
            in_force[account] = entry


def _since(entry: AccountEntry) -> int:
    since = entry.effective_at
    return BEFORE_ALL if since is None else since


def _accounts_in_several(parts: Sequence[AccountsPart]) -> set[str]:
    seen: set[str] = set()
    several: set[str] = set()
    for part in parts:
        here = {entry.account_id for entry in part.entries}
        several |= here & seen
        seen |= here
    return several


def _in_topic_order(parts: Sequence[AccountsPart], accounts: set[str]) -> list[AccountEntry]:
    keyed: list[tuple[tuple[int, int, int], AccountEntry]] = []
    for part in parts if accounts else ():
        latest: dict[str, int] = {}
        for entry in part.entries:
            account = entry.account_id
            if account in accounts:
                latest[account] = max(entry.timestamp, latest.get(account, entry.timestamp))
                keyed.append(((latest[account], part.slot.partition, entry.offset), entry))
    keyed.sort(key=lambda pair: pair[0])
    return [entry for _, entry in keyed]
