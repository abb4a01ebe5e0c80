"""An owned slot on a real Redis: nothing is lost and nothing counted twice, whatever Redis and other owners do."""

import itertools
from collections.abc import Callable, Iterator

import pytest
import redis

from services.redis import LocalRedis
from store.layout import SlotName
from stream.confirmed import SAFE_SECONDS
from stream.owned import CHECKPOINT_SECONDS, IDLE_CHECK_SECONDS, SlotMovedError
from stream.rejects import DELIVERY_SECONDS, MOST_HELD_BYTES
from tests.property import slot_owner
from tests.property.generated_log import encoded
from tests.property.plain_slot import DAY_MS, Action, LogRecord, PlainRules, PlainSlot
from tests.property.slot_owner import batch_of
from tests.unit.owning import LOST_REPLY, LOST_REQUEST, LossyStore, Worker, stored_figures

RULES = PlainRules(lateness_days=1, retention_days=4)
PARTITIONS = itertools.count()
MOMENT = 20_500 * DAY_MS


def log_of_days(*days: int) -> list[LogRecord]:
    """One action on each of these days after the first, at rising offsets."""
    actions = [Action("a", "view", f"u{at}", None, MOMENT + day * DAY_MS) for at, day in enumerate(days)]
    return [LogRecord(at, MOMENT + 40 * DAY_MS, encoded(action), action) for at, action in enumerate(actions)]


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with slot_owner.small_limits():
        yield


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


@pytest.fixture
def name(prefix: str) -> SlotName:
    return SlotName(prefix + "actions", next(PARTITIONS))


@pytest.fixture
def start(client: redis.Redis, name: SlotName) -> Callable[[list[LogRecord]], Worker]:
    """Start a worker of the slot, loaded."""

    def begin(log: list[LogRecord]) -> Worker:
        worker = Worker(LossyStore(client), name, log, RULES)
        worker.load()
        return worker

    return begin


Start = Callable[[list[LogRecord]], Worker]


def assert_stored(client: redis.Redis, name: SlotName, log: list[LogRecord]) -> None:
    assert stored_figures(client, name) == (log[-1].offset + 1, PlainSlot(RULES).count(log).figures())


@pytest.mark.parametrize("loss", [LOST_REPLY, LOST_REQUEST])
def test_a_checkpoint_without_an_answer_is_sent_again_with_the_same_id(
    client: redis.Redis, name: SlotName, start: Start, loss: str
) -> None:
    worker = start(log_of_days(0, 1, 1))
    worker.read(3)
    worker.store.losses = [loss, loss]
    for _ in range(3):
        worker.tick(CHECKPOINT_SECONDS)

    assert len(worker.store.sent) == 3
    assert len(set(worker.store.sent)) == 1
    assert_stored(client, name, worker.log)


def test_what_is_counted_while_a_checkpoint_has_no_answer_goes_into_the_next(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    worker = start(log_of_days(0, 1, 5, 2))
    worker.read(2)
    worker.store.losses = [LOST_REPLY]
    worker.tick(CHECKPOINT_SECONDS)
    worker.hand_on(worker.log[2:], worker.owned.generation)
    worker.tick(CHECKPOINT_SECONDS)
    assert stored_figures(client, name) == (2, PlainSlot(RULES).count(worker.log[:2]).figures())
    worker.tick(CHECKPOINT_SECONDS)

    assert_stored(client, name, worker.log)


def test_counters_are_read_while_a_checkpoint_has_no_answer_though_it_arrived(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    start(log_of_days(0, 1)).store_all()
    worker = start(log_of_days(0, 1, 1, 0))
    worker.read(1)
    worker.store.losses = [LOST_REPLY]
    worker.tick(CHECKPOINT_SECONDS)
    generation = worker.owned.generation
    worker.hand_on(worker.log[3:], generation)
    worker.store_all()

    assert worker.owned.generation == generation
    assert_stored(client, name, worker.log)


def test_an_owner_that_misses_counters_in_a_slot_that_is_not_its_own_says_so(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    start(log_of_days(0, 1)).store_all()
    worker = start(log_of_days(0, 1, 1))
    client.delete(name.redo_key)
    batch = batch_of(worker.log[2:], 3, worker.owned.generation)

    with pytest.raises(SlotMovedError):
        worker.owned.take(batch, worker.now)


def test_an_owner_whose_slot_was_written_by_another_stores_nothing(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    zombie, owner = start(log_of_days(0, 1)), start(log_of_days(0, 1, 2))
    for worker in (zombie, owner):
        worker.read(9)
    owner.tick(CHECKPOINT_SECONDS)
    zombie.now += CHECKPOINT_SECONDS

    with pytest.raises(SlotMovedError):
        zombie.owned.tick(zombie.now)
    assert_stored(client, name, owner.log)


def test_an_idle_owner_sees_within_seconds_that_its_slot_is_not_what_it_was(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    worker = start(log_of_days(0))
    worker.read(1)
    worker.tick(CHECKPOINT_SECONDS)
    client.delete(name.redo_key)
    worker.owned.tick(worker.now + IDLE_CHECK_SECONDS - 0.1)

    with pytest.raises(SlotMovedError):
        worker.owned.tick(worker.now + IDLE_CHECK_SECONDS)


def test_no_checkpoint_passes_a_reject_that_is_not_delivered(client: redis.Redis, name: SlotName, start: Start) -> None:
    worker = start([*log_of_days(0), LogRecord(1, MOMENT, b"{", None)])
    worker.read(2)
    for seconds in range(1, 9):
        worker.owned.tick(worker.now + seconds)
    assert stored_figures(client, name) is None
    assert worker.owned.stalled

    worker.rejects.deliver()
    worker.owned.tick(worker.now + 99)

    assert_stored(client, name, worker.log)
    assert not worker.owned.stalled


def test_rejects_on_their_way_are_a_wait_to_be_told_once_the_broker_takes_long(name: SlotName, start: Start) -> None:
    worker = start([*log_of_days(0), LogRecord(1, MOMENT, b"{", None)])
    worker.read(2)

    def told() -> tuple[bool, int, str | None]:
        notes = worker.observed.state().slots[str(name)]
        return worker.owned.stalled, notes.waits, notes.waiting_for

    for _ in range(2):
        worker.owned.tick(worker.now + CHECKPOINT_SECONDS)
        worker.now += DELIVERY_SECONDS - 0.1
        assert told() == (True, 0, None)
        worker.tick(CHECKPOINT_SECONDS)
        assert told() == (False, 0, None)
        worker.hand_on([LogRecord(worker.position, MOMENT, b"{", None)], worker.owned.generation)
        worker.position += 1

    worker.owned.tick(worker.now + CHECKPOINT_SECONDS)
    worker.owned.tick(worker.now + CHECKPOINT_SECONDS + DELIVERY_SECONDS)
    assert told() == (True, 1, f"1 rejects of {name} are not delivered yet")


def test_no_more_is_counted_of_a_slot_whose_undelivered_rejects_fill_the_memory_they_may_take(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    worker = start([LogRecord(0, MOMENT, b"{", None), *log_of_days(0, 1)[1:]])
    worker.read(1)
    worker.rejects.held_bytes = MOST_HELD_BYTES
    worker.read(1)
    assert worker.owned.stalled
    assert worker.owned.slot is not None
    assert worker.owned.slot.header.next_offset == 1

    worker.rejects.held_bytes = 0
    for _ in range(3):
        worker.tick(CHECKPOINT_SECONDS)
    assert_stored(client, name, worker.log)


def test_records_in_hand_wait_for_a_redis_that_is_down(local_redis: Callable[[], LocalRedis], name: SlotName) -> None:
    server = local_redis()
    with redis.Redis.from_url(server.url, socket_timeout=60) as client:
        client.config_set("appendfsync", "always")
        worker = Worker(LossyStore(client), name, log_of_days(0, 1, 1, 2), RULES)
        worker.load()
        worker.read(2)
        worker.tick(CHECKPOINT_SECONDS)
        worker.restart()
        worker.load()
        server.kill()
        worker.hand_on(worker.log[2:3], worker.owned.generation)
        assert worker.owned.stalled
        worker.hand_on(worker.log[3:], worker.owned.generation)
        worker.tick(9)
        server.start()
        worker.tick(9)
        worker.tick(9)

        assert_stored(client, name, worker.log)


def test_records_of_an_older_generation_are_dropped(client: redis.Redis, name: SlotName, start: Start) -> None:
    worker = start(log_of_days(0, 1, 2))
    stale = worker.owned.generation
    worker.owned.reload(stale + 1, worker.now)
    worker.tick(9)
    worker.hand_on(worker.log[1:], stale)
    worker.read(9)
    worker.tick(9)

    assert_stored(client, name, worker.log)


def test_records_below_the_offset_of_the_header_are_dropped(client: redis.Redis, name: SlotName, start: Start) -> None:
    worker = start(log_of_days(0, 1, 2, 3))
    worker.hand_on(worker.log[:2], worker.owned.generation)
    worker.hand_on(worker.log[:2], worker.owned.generation)
    worker.hand_on(worker.log[1:], worker.owned.generation)
    worker.tick(CHECKPOINT_SECONDS)

    assert_stored(client, name, worker.log)


def test_an_offset_is_committable_once_and_not_before_redis_surely_has_it_on_disk(start: Start) -> None:
    worker = start(log_of_days(0, 1, 2))
    worker.read(2)
    worker.tick(CHECKPOINT_SECONDS)
    worker.read(1)
    worker.tick(CHECKPOINT_SECONDS)
    first = CHECKPOINT_SECONDS + SAFE_SECONDS

    assert worker.owned.committable(first - 0.1) is None
    assert worker.owned.committable(first) == 2
    assert worker.owned.committable(first) is None
    assert worker.owned.committable(first + 60) == 3


def test_an_owner_that_lets_go_stores_what_it_has_counted_and_what_is_in_hand(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    worker = start(log_of_days(0, 1, 2, 3))
    worker.read(2)
    worker.store.losses = [LOST_REPLY]
    worker.tick(CHECKPOINT_SECONDS)
    worker.hand_on(worker.log[2:], worker.owned.generation)
    worker.store.losses = [LOST_REQUEST, LOST_REPLY]

    worker.store_all()

    assert_stored(client, name, worker.log)


def test_an_owner_that_lets_go_keeps_what_it_could_not_store(client: redis.Redis, name: SlotName, start: Start) -> None:
    worker = start(log_of_days(0))
    worker.read(1)
    worker.store.losses = [LOST_REQUEST]
    worker.owned.store(worker.now)

    assert worker.owned.unstored
    assert stored_figures(client, name) is None


def test_an_owner_that_lets_go_of_a_slot_that_another_wrote_has_nothing_to_store(
    client: redis.Redis, name: SlotName, start: Start
) -> None:
    first, second = start(log_of_days(0, 1)), start(log_of_days(0, 1, 2))
    for worker in (first, second):
        worker.read(9)
        worker.owned.store(worker.now)

    assert not second.owned.unstored
    assert_stored(client, name, first.log)
