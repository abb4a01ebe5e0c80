"""A broker that dies costs time and nothing else."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from schemas.exits import Exit
from services.kafka import LocalKafka
from store.layout import Header, SlotName
from stream import broker as broker_module
from stream import confirmed, owned
from stream import worker as worker_module
from stream.broker import Broker
from stream.guard import Surroundings
from tests.integration.live import Live, Worker, action
from tests.integration.watched import watched
from tests.support import PATIENCE_SECONDS, wait_until

BOUND_SECONDS = 15
"""What it takes in vain is 30 s or longer."""


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A Kafka to be treated badly; every test leaves it running."""
    server = LocalKafka(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def frozen(own_kafka: LocalKafka) -> Iterator[Callable[[], None]]:
    """Freeze the broker: it keeps its connections and says nothing, until the test is over."""
    yield lambda: os.kill(own_kafka.pid, signal.SIGSTOP)
    os.kill(own_kafka.pid, signal.SIGCONT)


@pytest.fixture
def own(live: Live, own_kafka: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A system on that Kafka, with less patience for it than others have."""
    monkeypatch.setattr(worker_module, "LEAVE_SECONDS", 1.0)
    monkeypatch.setattr(broker_module, "REACH_SECONDS", 1.0)
    return live.given(KAFKA_BOOTSTRAP_SERVERS=own_kafka.address)


def assert_stops_in_time(worker: Worker) -> None:
    told_at = time.monotonic()
    assert worker.stop() is Exit.DONE
    assert time.monotonic() - told_at < BOUND_SECONDS


def test_a_worker_goes_on_after_its_broker_was_killed(own: Live, own_kafka: LocalKafka) -> None:
    own.topics(actions=2)
    with own.worker() as worker:
        for partition in range(2):
            own.produce([action("before"), b"refused"] * 50, partition)
            own.wait_stored(100, partition)
        own_kafka.kill()
        own_kafka.start()
        for partition in range(2):
            own.produce([action("after"), b"refused"] * 50, partition)
            own.wait_stored(200, partition)
            own.assert_counted({"before": 50, "after": 50}, partition)
        assert_stops_in_time(worker)


def test_with_a_broker_that_hangs_a_worker_stops_in_time_and_stores_what_it_has_counted(
    own: Live, frozen: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    own.topics()
    monkeypatch.setattr(confirmed, "SAFE_SECONDS", 0.0)  # there is something to commit
    own.produce([action()] * 10)
    with watched(monkeypatch) as consumer, own.worker() as worker:
        own.wait_stored(10)
        own.wait_settled()  # what is being loaded while the broker freezes holds up a stop
        monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 1_000_000.0)
        own.produce([action()] * 10)
        wait_until(lambda: len(consumer.taken) == 20, what="20 counted actions")
        frozen()
        assert_stops_in_time(worker)
    own.assert_counted({"acme": 20})


def test_with_a_broker_that_hangs_a_worker_stops_in_time_also_while_it_has_to_load(
    own: Live, frozen: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = threading.Event(), Broker.surroundings

    def ask_and_tell(broker: Broker, headers: Mapping[SlotName, Header | None]) -> dict[SlotName, Surroundings]:
        asked.set()
        return ask(broker, headers)

    own.topics()
    own.produce([action()] * 10)
    with own.worker() as worker:
        own.wait_stored(10)
        own.wait_settled()
        header = own.header()
        assert header is not None
        frozen()
        monkeypatch.setattr(Broker, "surroundings", ask_and_tell)
        own.write(header)
        assert asked.wait(PATIENCE_SECONDS)
        assert_stops_in_time(worker)
