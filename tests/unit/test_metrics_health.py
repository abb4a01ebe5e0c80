"""Dead is what a restart would heal, and not ready is what keeps a worker from its work: always with the reason."""

import msgspec
import pytest

from schemas.exits import Obstacle
from stream.health import READY_LAG_SECONDS, deaths, hindrances
from stream.worker_lag import Now
from stream.worker_state import Block, LagBefore, LogEnd, Seen, SlotState, Stage, WorkerState

NOW = Now(monotonic=1_000.0, epoch=50_000.0)
STUCK = 300.0


def behind(seconds: float, before: float | None) -> SlotState:
    found = slot(uncounted_timestamp=round((NOW.epoch - seconds) * 1000))
    found.lag_before = None if before is None else LagBefore(before, NOW.monotonic - 60)
    return found


def slot(**given: object) -> SlotState:
    plain = SlotState("actions", 3, owned=True, stored_offset=10, log_end=LogEnd(10, NOW.monotonic))
    return msgspec.structs.replace(plain, **given)


def worker(*slots: SlotState, number: int = 1, running: bool = True, answered: bool = True, **given: object) -> Seen:
    state = WorkerState(1, NOW.monotonic, Stage.RUNNING, in_group=True, slots={one.name: one for one in slots})
    return Seen(number, msgspec.structs.replace(state, **given), running, answered)


@pytest.mark.parametrize(
    "seen",
    [
        [worker(slot())],
        [worker()],
        [worker(slot(), number=1), worker(number=2)],
        [worker(behind(READY_LAG_SECONDS - 1, before=1.0))],
        [worker(behind(500.0, before=501.0))],
        [worker(behind(500.0, before=None))],
        [worker(slot(owned=False, stored_offset=None, waiting_for="Redis"))],
        [worker(slot(log_end=None))],
    ],
    ids=[
        "caught up",
        "a standby",
        "one of two is a standby",
        "a little behind",
        "far behind, and catching up",
        "far behind since it began",
        "trouble with a partition that it gave away",
        "unknown lag alone",
    ],
)
def test_ready(seen: list[Seen]) -> None:
    assert hindrances(seen, NOW, STUCK) == ()
    assert deaths(seen, NOW, STUCK) == ()


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (Seen(1, None), "worker: starting"),
        (worker(stage=Stage.STARTING), "worker: starting"),
        (worker(stage=Stage.STOPPING), "worker: stopping"),
        (worker(in_group=False), "worker: the group has not said yet what is its share"),
        (worker(slot(stored_offset=None)), "worker: actions/3 is being loaded"),
        (worker(slot(stored_offset=None, waiting_for="no Kafka")), "worker: actions/3 waits: no Kafka"),
        (worker(slot(waiting_for="no Redis")), "worker: actions/3 waits: no Redis"),
        (worker(answered=False), "worker: does not say how it is"),
        (worker(running=False), "worker: ended; the command stops the others and ends"),
        (worker(behind(500.0, before=450.0)), "worker: actions/3 is 500 s behind, not less than 60 s ago (450 s)"),
        (worker(slot(blocked=Block(Obstacle.LOST, "decide"))), "worker: actions/3 is blocked: decide"),
    ],
)
def test_not_ready_but_no_reason_to_restart(one: Seen, reason: str) -> None:
    assert hindrances([one], NOW, STUCK) == (reason,)
    assert deaths([one], NOW, STUCK) == ()


def test_a_command_whose_workers_are_not_started_yet_is_not_ready() -> None:
    assert hindrances([], NOW, STUCK) == ("starting",)


def test_the_worker_in_trouble_is_named_where_there_are_several() -> None:
    seen = [worker(number=1), worker(number=2, in_group=False)]
    assert hindrances(seen, NOW, STUCK) == ("worker 2: the group has not said yet what is its share",)


def test_a_blocked_slot_is_told_also_after_the_worker_ended() -> None:
    blocked = worker(slot(blocked=Block(Obstacle.LOST, "decide")), running=False)
    assert "worker: actions/3 is blocked: decide" in hindrances([blocked], NOW, STUCK)


def test_a_loop_without_a_step_for_too_long_is_dead_and_not_ready() -> None:
    at_the_bound, beyond = (worker(turned_at=NOW.monotonic - STUCK - more) for more in (0.0, 0.1))
    assert deaths([at_the_bound], NOW, STUCK) == ()
    reason = "worker: its loop has taken no step for 300 s, allowed are 300 s"
    assert deaths([beyond], NOW, STUCK) == (reason,)
    assert hindrances([beyond], NOW, STUCK) == (reason,)


def test_a_worker_that_ended_is_not_dead_as_its_command_ends_by_itself() -> None:
    assert deaths([worker(turned_at=0.0, running=False)], NOW, STUCK) == ()
