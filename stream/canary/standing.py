"""Whether the canary's account has a record, and so a Status of its own: it must not join the customers' cohorts."""

from collections.abc import Iterable

from store.layout import RECORDS, SlotName
from store.slots import SlotStore
from stream.inspect_slots import account_records, in_force


def has_record(store: SlotStore, slots: Iterable[SlotName], account: str, now: int) -> bool:
    """Whether a record of the account is in force at the moment `now` (ms).

    Raises Unavailable, Denied, and Blocked for a slot that this version cannot read.
    """
    found = [
        record for slot in slots if _may_hold(store, slot, account) for record in account_records(store, slot, account)
    ]
    return in_force(found, now) is not None


def _may_hold(store: SlotStore, slot: SlotName, account: str) -> bool:
    """Looks for the bytes of the name first: to decode all records of a slot takes many times their memory."""
    found = store.snapshot(slot, lambda _: (RECORDS,))
    return found is not None and account.encode() in found.strings[RECORDS]
