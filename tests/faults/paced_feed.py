"""A feed that produces a load at an even pace, so that faults can be timed by how much of it has been sent."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from tests.acceptance import sample
from tests.acceptance.engine import Engine, account_puts, action_puts, produce
from tests.acceptance.oracle import AccountRecord, Figures, Json
from tests.acceptance.plain_scores import expected_scores
from tests.support import wait_until

SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class Load:
    """Records of both topics, and the figures that they must give, by day."""

    actions: Sequence[Json]
    accounts: Sequence[AccountRecord]
    expected: Mapping[str, Mapping[str, Figures]]


def months() -> Load:
    """The real sample: new days, accounts and users come up all the time, and days are closed."""
    return Load(sample.actions(), sample.accounts(), {as_of: sample.figures(as_of) for as_of in sample.DAYS})


@cache
def one_day() -> Load:
    """The same accounts on one day: soon nothing is new, and a checkpoint overwrites a few of many cells."""
    random, day = Random(1), date(2024, 5, 1)
    pairs = [(f"account {number}", action) for number in range(1_500) for action in ("open", "save")]
    actions = [
        {
            "account_id": account,
            "user_id": "u",
            "action": action,
            "timestamp": f"{day}T10:{random.randrange(60):02}:00Z",
        }
        for account, action in pairs + random.choices(pairs, k=9_000)
    ]
    return Load(actions, [], {day.isoformat(): expected_scores(actions, [], day)})


class Feed:
    """Sends all account records at once and the actions over `seconds`, in a thread, in order."""

    def __init__(self, engine: Engine, load: Load, seconds: float) -> None:
        self._kafka = engine.kafka
        self._accounts = account_puts(engine.prefix, load.accounts)
        self._actions = action_puts(engine.prefix, load.actions)
        self._seconds = seconds
        self._sent = 0
        self._failures: list[KafkaError] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")

    def __enter__(self) -> Self:
        produce(self._kafka, self._accounts)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._stop.set()
        self._thread.join()

    @property
    def share(self) -> float:
        """How much has been sent, 0 to 1."""
        return self._sent / len(self._actions)

    def wait_for(self, share: float) -> None:
        wait_until(lambda: self.share >= share, 2 * self._seconds, f"{share:.0%} of the feed")
        assert not self._failures, self._failures[0]

    def wait_more(self, seconds: float) -> None:
        """Waits until as much more has been sent as is sent in `seconds`, or all of it."""
        self.wait_for(min(1.0, self.share + seconds / self._seconds))

    def _run(self) -> None:
        producer = Producer({"bootstrap.servers": self._kafka, "enable.idempotence": True})
        start = time.monotonic()
        while self._sent < len(self._actions) and not self._stop.wait(SLICE_SECONDS):
            due = min(1.0, (time.monotonic() - start) / self._seconds)
            part = self._actions[self._sent : round(due * len(self._actions))]
            for put in part:
                producer.produce(put.topic, value=put.value, key=put.key, on_delivery=self._delivered)
            producer.flush(30)
            self._sent += len(part)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)
