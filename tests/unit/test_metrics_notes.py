"""What a worker notes about a slot: events once they are true in Redis, and the age of the oldest that is not."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import redis

from schemas.exits import Blocked, ConfigurationError, Obstacle
from store.layout import Header, SlotName
from stream.batch import Batch
from stream.observed import Observed, ObservedSlot
from stream.owned import CHECKPOINT_SECONDS
from stream.worker_state import Distribution, SlotState
from tests.property import slot_owner
from tests.property.generated_log import encoded
from tests.property.plain_slot import DAY_MS, Action, LogRecord, PlainRules
from tests.unit.owning import LOST_REPLY, LOST_REQUEST, LossyStore, Worker

RULES = PlainRules(lateness_days=1, retention_days=4)
PARTITIONS = itertools.count()
MOMENT = 20_500 * DAY_MS
NAME = SlotName("actions", 0)


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with slot_owner.small_limits():
        yield


@pytest.fixture
def start(redis_url: str, prefix: str) -> Iterator[Callable[[list[LogRecord]], Worker]]:
    """Start a worker of a slot of its own, loaded."""
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:

        def begin(log: list[LogRecord]) -> Worker:
            worker = Worker(LossyStore(client), SlotName(prefix + "actions", next(PARTITIONS)), log, RULES)
            worker.load()
            return worker

        yield begin


Start = Callable[[list[LogRecord]], Worker]


def log_of(good: int, bad: int = 0) -> list[LogRecord]:
    """Actions, then values that are none, at rising offsets; timestamps rise by a second."""
    actions = [Action("a", "view", f"u{at}", None, MOMENT) for at in range(good)]
    records = [LogRecord(at, MOMENT + at * 1000, encoded(action), action) for at, action in enumerate(actions)]
    return records + [LogRecord(at, MOMENT + at * 1000, b"{", None) for at in range(good, good + bad)]


def noted(worker: Worker) -> SlotState:
    (state,) = worker.observed.state().slots.values()
    return state


def test_events_and_rejects_are_shown_once_the_checkpoint_is_true(start: Start) -> None:
    worker = start(log_of(3, bad=2))
    worker.read(5)
    assert (noted(worker).counted, noted(worker).rejected) == (0, {})
    assert noted(worker).uncounted_timestamp == MOMENT
    worker.tick(CHECKPOINT_SECONDS)
    assert (noted(worker).counted, noted(worker).rejected) == (3, {"malformed_json": 2})
    assert (noted(worker).stored_offset, noted(worker).uncounted_timestamp) == (5, None)


@pytest.mark.parametrize(("loss", "answer"), [(LOST_REPLY, "already"), (LOST_REQUEST, "applied")])
def test_a_checkpoint_that_is_sent_again_counts_its_events_once(start: Start, loss: str, answer: str) -> None:
    worker = start(log_of(3, bad=1))
    worker.read(4)
    worker.store.losses = [loss, loss]
    for _ in range(2):
        worker.tick(CHECKPOINT_SECONDS)
    assert (noted(worker).counted, noted(worker).checkpoints) == (0, {"error": 2})
    assert noted(worker).waiting_for == loss
    worker.tick(CHECKPOINT_SECONDS)
    assert (noted(worker).counted, noted(worker).rejected) == (3, {"malformed_json": 1})
    assert noted(worker).checkpoints == {"error": 2, answer: 1}
    assert (noted(worker).waits, noted(worker).waiting_for) == (2, None)


def test_what_was_counted_in_vain_is_not_shown(start: Start) -> None:
    worker = start(log_of(4, bad=1))
    rival = Worker(LossyStore(worker.store._client), worker.owned.name, worker.log, RULES)  # noqa: SLF001
    rival.load()
    rival.read(2)
    rival.tick(CHECKPOINT_SECONDS)
    worker.read(5)
    worker.tick(CHECKPOINT_SECONDS)
    assert (noted(worker).counted, noted(worker).rejected, noted(worker).reloads) == (0, {}, 1)
    assert noted(worker).checkpoints == {"other": 1}
    assert (noted(worker).stored_offset, noted(worker).uncounted_timestamp) == (None, None)
    worker.tick(CHECKPOINT_SECONDS)
    worker.read(5)
    worker.tick(CHECKPOINT_SECONDS)
    assert (noted(worker).counted, noted(worker).rejected) == (2, {"malformed_json": 1})
    assert noted(rival).counted == 2


def batch(first: int, *timestamps: int, end: int | None = None) -> Batch:
    offsets = np.arange(first, first + len(timestamps), dtype=np.int64)
    values: list[bytes | None] = [b""] * len(timestamps)
    times = np.array(timestamps, np.int64)
    return Batch(NAME, 1, [], values, offsets, times, end or first + len(timestamps), None)


def header(next_offset: int) -> Header:
    return Header("UTC", "id", next_offset, 0, lengths={"accounts": 5, "users": 7})


@pytest.fixture
def observed() -> Observed:
    return Observed(lambda: 7.0)


@pytest.fixture
def notes(observed: Observed) -> ObservedSlot:
    """Those of a slot that stands at offset 10."""
    observed.assigned(NAME)
    notes = observed.slot(NAME)
    notes.loaded(header(10))
    return notes


def oldest(observed: Observed) -> int | None:
    return observed.state().slots["actions/0"].uncounted_timestamp


def test_the_oldest_uncounted_record_is_the_first_one_at_or_after_the_stored_offset(
    observed: Observed, notes: ObservedSlot
) -> None:
    notes.took(batch(10, 100, 101, 102))
    notes.took(batch(13, 103, 104))
    seen = [oldest(observed)]
    for offset in (12, 13, 14, 15):
        notes.loaded(header(offset))
        seen.append(oldest(observed))
    assert seen == [100, 102, 103, 104, None]


def test_records_below_the_stored_offset_and_none_at_all_are_not_uncounted(
    observed: Observed, notes: ObservedSlot
) -> None:
    notes.took(batch(7, 97, 98, 99))
    notes.took(batch(10, end=12))
    assert oldest(observed) is None
    notes.took(batch(9, 99, 100))
    assert oldest(observed) == 100


def test_a_slot_that_is_given_away_keeps_its_counts_and_nothing_else(observed: Observed, notes: ObservedSlot) -> None:
    notes.moved()
    notes.waits("Redis")
    notes.took(batch(10, 100))
    observed.released(NAME)
    state = observed.state().slots["actions/0"]
    assert state == SlotState("actions", 0, reloads=1, waits=1)
    assert observed.owned() == []


def test_a_copy_of_the_state_stays_as_it_was(observed: Observed, notes: ObservedSlot) -> None:
    before = observed.state()
    notes.moved()
    assert (before.slots["actions/0"].reloads, observed.state().slots["actions/0"].reloads) == (0, 1)


@pytest.mark.parametrize(
    ("error", "obstacle"),
    [(Blocked("why", Obstacle.PAST_END), "past_log_end"), (ConfigurationError("why"), "timezone")],
)
def test_a_blocked_slot_is_noted_with_its_reason(
    observed: Observed, notes: ObservedSlot, error: Blocked | ConfigurationError, obstacle: str
) -> None:
    notes.blocked(error)
    block = observed.state().slots["actions/0"].blocked
    assert block is not None
    assert (block.obstacle, block.message) == (obstacle, "why")


def test_an_observation_is_in_the_first_bucket_whose_bound_it_does_not_exceed() -> None:
    found = Distribution.over((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        found.observe(value)
    assert (found.counts, found.total) == ([2, 2, 1], 7.5)
