"""However the group hands out partitions, every record is counted once."""

import json
import threading
from contextlib import ExitStack
from typing import Self

import pytest

from schemas.exits import ConfigurationError
from schemas.settings import load_settings
from stream.fetching import strategy_settings
from tests.integration.live import Live, action
from tests.support import wait_until

PARTITIONS = 4
PROTOCOLS = [
    {"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": "300"},
    {"partition.assignment.strategy": "range", "heartbeat.interval.ms": "300"},
    {"partition.assignment.strategy": "roundrobin,range", "heartbeat.interval.ms": "300"},
    {"group.protocol": "consumer"},
]


@pytest.fixture(params=PROTOCOLS, ids=lambda kafka: ",".join(kafka.values()))
def grouped(live: Live, request: pytest.FixtureRequest) -> Live:
    live.topics(actions=PARTITIONS)
    return live.given(ENGAGEMENT_KAFKA=json.dumps(request.param))


class Pouring:
    """Produces 25 actions at a time to each partition until told to stop."""

    def __init__(self, live: Live) -> None:
        self._live, self._stop, self.rounds = live, threading.Event(), 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            for partition in range(PARTITIONS):
                self._live.produce([action(f"acme {self.rounds % 7}")] * 25, partition)
            self.rounds += 1


def wait_for_progress(live: Live) -> None:
    """Waits until every partition has been stored further."""
    before = [live.next_offset(one) or 0 for one in range(PARTITIONS)]
    wait_until(lambda: all((live.next_offset(n) or 0) > offset for n, offset in enumerate(before)), what="progress")


def test_members_that_come_and_go_while_records_arrive_count_each_once(grouped: Live) -> None:
    with Pouring(grouped) as pouring, ExitStack() as stack:
        first = stack.enter_context(grouped.worker())
        wait_until(lambda: all(grouped.next_offset(one) for one in range(PARTITIONS)), what="all partitions counted")
        for _ in range(2):
            with grouped.worker() as second:
                grouped.wait_said("slot loaded", times=len(grouped.said("slot loaded")) + 1)
                wait_for_progress(grouped)
                second.stop()
        pouring.end()
        expected = {f"acme {n}": 25 * len(range(n, pouring.rounds, 7)) for n in range(min(7, pouring.rounds))}
        for partition in range(PARTITIONS):
            grouped.wait_stored(25 * pouring.rounds, partition)
        first.stop()
    for partition in range(PARTITIONS):
        grouped.assert_counted(expected, partition)


def test_a_reload_of_one_partition_under_an_eager_strategy_counts_the_others_on_where_they_stand(live: Live) -> None:
    live.topics(actions=PARTITIONS)
    live = live.given(ENGAGEMENT_KAFKA=json.dumps({"partition.assignment.strategy": "range"}))
    with live.worker():
        for partition in range(PARTITIONS):
            live.produce([action()] * 100, partition)
            live.wait_stored(100, partition)
        header = live.header(1)
        assert header is not None
        live.write(header, 1)  # another's checkpoint: the owner has to load slot 1 again
        live.wait_said("slot loaded", slot=live.slot(1), times=2)
        for partition in range(PARTITIONS):
            live.produce([action()] * 100, partition)
            live.wait_stored(200, partition)
    for partition in range(PARTITIONS):
        assert len(live.said("slot loaded", slot=live.slot(partition))) == (2 if partition == 1 else 1)
        live.assert_counted({"acme": 200}, partition)


def test_a_mixture_of_eager_and_incremental_strategies_is_refused(settings_env: dict[str, str]) -> None:
    kafka = json.dumps({"partition.assignment.strategy": "range,cooperative-sticky"})
    with pytest.raises(ConfigurationError, match="use cooperative-sticky, or range"):
        strategy_settings(load_settings({**settings_env, "ENGAGEMENT_KAFKA": kafka}))
