"""A slot that somebody else wrote, or that Redis has as it was before, voids the owner's memory and is loaded again."""

from collections.abc import Iterator
from itertools import count

import pytest

from schemas.settings import Settings
from services.redis import LocalRedis
from stream import owned
from tests.integration.driven import Driven
from tests.integration.live import Live, Worker, action
from tests.integration.rolling import keep_copy, roll_back
from tests.support import wait_until


@pytest.fixture
def older(fragile: Live, own_redis: LocalRedis) -> Iterator[str]:
    """A copy of Redis with 40 actions; now it holds 100."""
    fragile.topics()
    with fragile.worker():
        fragile.produce([action()] * 40)
        fragile.wait_stored(40)
        fragile.wait_settled()
        copy = keep_copy(own_redis)
        fragile.produce([action("acme"), action("other", day="2025-06-29")] * 30)
        fragile.wait_stored(100)
        yield copy


def test_an_idle_owner_notices_that_redis_was_rolled_back(fragile: Live, own_redis: LocalRedis, older: str) -> None:
    roll_back(own_redis, older)
    fragile.wait_stored(100)
    fragile.assert_counted({"acme": 70, "other": 30})


def test_a_busy_owner_notices_with_its_next_checkpoint(
    fragile: Live, own_redis: LocalRedis, older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "IDLE_CHECK_SECONDS", 1_000_000.0)
    roll_back(own_redis, older)
    fragile.produce([action("acme"), action("new")])
    fragile.wait_stored(102)
    fragile.assert_counted({"acme": 71, "other": 30, "new": 1})


class Rival(Settings):
    """The settings of a worker that was told to be in another group, and so takes the same partitions."""

    @property
    def group_id(self) -> str:
        return super().group_id + "-rival"


def test_two_workers_that_write_the_same_slot_count_right_together(live: Live) -> None:
    live.topics()
    sent, rival = 0, Worker(Rival.model_validate(live.settings.model_dump()))
    rival.start()
    try:
        with live.worker():
            for number in count():
                live.produce([action(f"account {number % 7}", day=f"2025-06-{1 + number % 29:02}")] * 20)
                sent += 20
                wait_until(lambda sent=sent: (live.next_offset() or 0) >= sent)  # type: ignore[misc]
                if len(live.said("slot was written by another or rolled back: loading it again")) >= 6:
                    break
            rival.stop()
            live.wait_stored(sent)
    finally:
        rival.end()
    assert sum(live.counts().values()) == sent


def test_an_owner_whose_slot_moves_again_and_again_backs_off(live: Live) -> None:
    live.topics()
    live.produce([action()] * 10)
    driven = Driven(live)
    try:
        driven.assignment.take(*driven.fetch(10))
        driven.store()
        waits = []
        for _ in range(8):
            header = live.header()
            assert header is not None
            live.write(header)
            driven.store()
            moved_at = driven.now
            driven.assignment.maintain()
            assert driven.assignment.generations() == {}, "it must wait for news of its assignment first"
            driven.load(step=0.05)
            waits.append(driven.now - moved_at)
        assert waits == sorted(waits)
        assert waits[0] < 0.2
        assert 4 < waits[-1] < 6
    finally:
        driven.consumer.close()
