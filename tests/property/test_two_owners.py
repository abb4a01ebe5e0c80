"""Two workers that both believe they own a slot, on a real Redis that loses requests and replies, count it right."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.layout import SlotName
from tests.property import slot_owner
from tests.property.generated_log import Draw, drawn, log_of
from tests.property.plain_slot import PlainRules, PlainSlot
from tests.unit.owning import LOST_REPLY, LOST_REQUEST, LossyStore, Worker, stored_figures

PARTITIONS = itertools.count()


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with slot_owner.small_limits():
        yield


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


class Turn(NamedTuple):
    """What one of two workers does, and what happens to its next calls of Redis."""

    worker: int
    size: int
    step: str
    losses: list[str | None]


turns = st.lists(
    st.builds(
        Turn,
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([1, 3, 9]),
        st.sampled_from(["read", "read", "tick", "tick", "tick", "again", "crash"]),
        st.lists(st.sampled_from([None, None, LOST_REQUEST, LOST_REPLY]), max_size=4),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draws=drawn, turns=turns, days=st.sampled_from([(0, 2), (1, 4)]), users=st.booleans())
def test_two_owners_on_a_redis_that_loses_requests_and_replies_count_every_record_once(
    *,
    client: redis.Redis,
    prefix: str,
    draws: list[Draw],
    turns: list[Turn],
    days: tuple[int, int],
    users: bool,
) -> None:
    rules, name = PlainRules("UTC", days[0], days[1], users), SlotName(prefix + "actions", next(PARTITIONS))
    log = log_of(draws, "UTC")
    expected = {0: PlainSlot(rules).figures()}
    plain = PlainSlot(rules)
    expected |= {record.offset + 1: plain.count([record]).figures() for record in log}
    workers = [Worker(LossyStore(client), name, log, rules) for _ in range(2)]
    for turn in turns:
        take(workers[turn.worker], turn)
        if (held := stored_figures(client, name)) is not None:
            assert held[1] == expected[held[0]]
    last = workers[0]
    last.store.losses = []
    for _ in range(8):
        last.tick(9)
        last.read(99)
    assert stored_figures(client, name) == (log[-1].offset + 1, expected[log[-1].offset + 1])


def take(worker: Worker, turn: Turn) -> None:
    worker.store.losses = list(turn.losses)
    if turn.step == "crash":
        worker.restart()
    elif turn.step == "tick":
        worker.tick(turn.size / 2)
    elif turn.step == "again":  # the consumer hands on what was counted, or what an older assignment fetched
        worker.hand_on(worker.log[: turn.size], worker.owned.generation - (turn.size == 3))
    else:
        worker.load()
        worker.read(turn.size)
