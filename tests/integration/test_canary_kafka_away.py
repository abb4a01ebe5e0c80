"""What the canary says while Kafka is away, on a Kafka that only this test has."""

import time
from collections.abc import Callable

import pytest

from services.kafka import LocalKafka
from store.connect import kafka_admin, wait_for_kafka
from stream.canary import sender
from stream.canary.picture import waiting
from tests.integration.flown import flying
from tests.integration.live import Live


def test_events_that_kafka_does_not_take_wait_and_are_never_called_wrong(
    live: Live, local_kafka: Callable[[], LocalKafka], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SEND_SECONDS", 2.0)
    kafka = local_kafka()
    own = live.given(KAFKA_BOOTSTRAP_SERVERS=kafka.address)
    own.topics()
    with flying(own) as flown:
        flown.counts(2)
        kafka.stop()
        flown.until(lambda: flown.path().failed >= 2, "events that are not taken")
        assert waiting(flown.path(), time.monotonic()) > 2
        assert flown.canary.seen.failing["kafka"]
        assert (flown.path().difference, flown.path().wrong) == (None, 0)
        kafka.start()
        wait_for_kafka(kafka_admin(own.settings), own.settings)
        flown.counts(3)
        flown.until(lambda: waiting(flown.path(), time.monotonic()) < 2, "that nothing waits any more")
        assert (flown.path().difference, flown.path().wrong) == (0, 0)
        assert "kafka" not in flown.canary.seen.failing
