"""What a person can do about a slot that cannot go on, as the words of an error."""

from schemas.exits import Blocked, Obstacle
from store.layout import SlotName


def rebuild(slot: SlotName) -> str:
    """The command that counts the slot again."""
    return _command("rebuild", slot)


def ways(slot: SlotName) -> str:
    """The two ways to go on where the log is another one."""
    return f"count again with {rebuild(slot)}, or keep the figures with {_accept_gap(slot)}"


def ways_past_gap(slot: SlotName) -> str:
    """The two ways to go on where the log lost records: counting again would lose the figures that came of them."""
    go_on = f"keep the figures and go on with {_accept_gap(slot)}"
    return f"{go_on}, or count again what the log still has with {rebuild(slot)}"


def ways_to_restore(slot: SlotName) -> str:
    """What to do where Redis does not have the slot any more."""
    return f"Redis lost its data or is another one; restore it, or count again with {rebuild(slot)}"


def lost(slot: SlotName, trace: str) -> Blocked:
    """The error for a slot that Redis does not have although there is a trace that it was counted."""
    return Blocked(f"{slot}: Redis has no slot, but {trace}: {ways_to_restore(slot)}", Obstacle.LOST)


def lost_since(slot: SlotName, published: int) -> Blocked:
    """`lost`, as the newest published run had counted the slot's partition up to an offset."""
    return lost(slot, f"the newest published run counted it up to offset {published}")


def _accept_gap(slot: SlotName) -> str:
    return _command("accept-gap", slot)


def _command(name: str, slot: SlotName) -> str:
    kind = "accounts" if slot.topic.endswith("accounts") else "actions"
    return f"`engagement-stream {name} --topic {kind} --partition {slot.partition}`"
