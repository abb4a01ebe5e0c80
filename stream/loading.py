"""A slot from Redis into memory, or a new one where nothing was counted yet."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from store.layout import SlotName
from store.redo import RedoRecord
from store.slots import SlotStore
from stream import account_slot, action_slot
from stream.account_slot import AccountSlot
from stream.action_slot import ActionSlot
from stream.guard import Surroundings, check_header, new_header
from stream.observed import Observed
from stream.rejects import RejectSender
from stream.slot import Slot, SlotRules


@dataclass(frozen=True, slots=True)
class Parts:
    """What every owned slot works with."""

    store: SlotStore
    rejects: RejectSender
    rules: SlotRules
    timezone: str
    actions_topic: str
    new_state_id: Callable[[], bytes]
    observed: Observed = field(default_factory=Observed)


def loaded_slot(name: SlotName, stored: RedoRecord | None, around: Surroundings, parts: Parts) -> Slot[Any]:
    """The slot as of ``stored``, which was read before anything else, None where nothing is stored.

    Raises what ``guard`` and ``SlotStore.read`` raise.
    """
    kind, names = (
        (ActionSlot, action_slot.LOADED_AT_START)
        if name.topic == parts.actions_topic
        else (AccountSlot, account_slot.LOADED_AT_START)
    )
    if stored is None:
        slot = kind(new_header(name, around, parts.timezone), parts.rules, dict.fromkeys(names, b""))
        slot.begin()
        return slot
    check_header(name, stored.header, around, parts.timezone)
    return kind(stored.header, parts.rules, parts.store.read(name, stored, names))
