"""Whether the workers of a command live, and whether they do their work: pure functions over what is seen of them.

Dead is only what a restart would heal: a loop that takes no step. Kafka or Redis being away is no reason to restart,
as a worker goes on by itself once they are back; it makes a worker not ready, with the reason.
"""

from collections.abc import Iterator, Sequence

from stream.worker_lag import Now, lag_of
from stream.worker_state import Seen, SlotState, Stage, WorkerState

READY_LAG_SECONDS = 60.0
"""Up to here a slot may be behind; beyond it, its lag must fall."""


def deaths(seen: Sequence[Seen], now: Now, stuck_seconds: float) -> tuple[str, ...]:
    """Why the command should be restarted, nothing where it should not.

    `stuck_seconds` is how long a step may take: as long as the group waits for a member before it gives its
    partitions to others.
    """
    return tuple(
        f"{_called(one, seen)}: its loop has taken no step for {age:.0f} s, allowed are {stuck_seconds:.0f} s"
        for one in seen
        if one.running and one.state is not None and (age := now.monotonic - one.state.turned_at) > stuck_seconds
    )


def hindrances(seen: Sequence[Seen], now: Now, stuck_seconds: float) -> tuple[str, ...]:
    """Why the workers are not ready, nothing where they are; being a standby without partitions is ready."""
    if not seen:
        return ("starting",)
    found = [f"{_called(one, seen)}: {reason}" for one in seen for reason in _of_worker(one, now)]
    return (*deaths(seen, now, stuck_seconds), *found)


def _of_worker(one: Seen, now: Now) -> Iterator[str]:
    if not one.running:
        yield "ended; the command stops the others and ends"
    elif one.state is None:
        yield "starting"
    elif not one.answered:
        yield "does not say how it is"
    if one.state is None:
        return
    yield from (f"{slot.name} is blocked: {slot.blocked.message}" for slot in one.state.slots.values() if slot.blocked)
    if one.running:
        yield from _of_state(one.state, now)


def _of_state(state: WorkerState, now: Now) -> Iterator[str]:
    if state.stage is not Stage.RUNNING:
        yield str(state.stage)
    elif not state.in_group:
        yield "the group has not said yet what is its share"
    for slot in state.slots.values():
        if slot.owned:
            yield from _of_slot(slot, now)


def _of_slot(slot: SlotState, now: Now) -> Iterator[str]:
    if slot.waiting_for is not None:
        yield f"{slot.name} waits: {slot.waiting_for}"
    elif slot.stored_offset is None:
        yield f"{slot.name} is being loaded"
    seconds, before = lag_of(slot, now).seconds, slot.lag_before
    if seconds is not None and seconds > READY_LAG_SECONDS and before is not None and seconds >= before.seconds:
        ago = now.monotonic - before.at
        yield f"{slot.name} is {seconds:.0f} s behind, not less than {ago:.0f} s ago ({before.seconds:.0f} s)"


def _called(one: Seen, seen: Sequence[Seen]) -> str:
    return "worker" if len(seen) == 1 else f"worker {one.number}"
