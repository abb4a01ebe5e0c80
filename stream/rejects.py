"""Refused records on their way to the rejects topic: none is forgotten before the broker has it."""

from collections import deque
from dataclasses import dataclass
from functools import partial

import structlog
from confluent_kafka import KafkaError, Message, Producer

log = structlog.get_logger()

PRODUCER_SETTINGS = {
    "message.max.bytes": 1_000_000_000,
    "compression.type": "zstd",
    "linger.ms": 20,
    "message.timeout.ms": 0,
}
"""Whatever an input topic takes must fit, and a record is tried until the broker has it: no size and time limits."""


@dataclass(slots=True)
class Tally:
    """How many rejects of one slot in memory are not delivered yet. A reload starts a new tally."""

    outstanding: int = 0


@dataclass(frozen=True, slots=True)
class _Refused:
    tally: Tally
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class RejectSender:
    """Delivers rejects at least once and in its own time; ``pump`` has to be called regularly."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._waiting: deque[_Refused] = deque()

    def send(self, tally: Tally, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Take a refused record; ``tally`` tells when it is delivered."""
        tally.outstanding += 1
        self._waiting.append(_Refused(tally, key, value, headers))

    def pump(self, seconds: float = 0.0) -> None:
        """Hand on what waits and take in deliveries, for at most ``seconds``."""
        for _ in range(len(self._waiting)):
            refused = self._waiting.popleft()
            try:
                self._producer.produce(
                    self._topic,
                    key=refused.key,
                    value=refused.value,
                    headers=list(refused.headers),
                    on_delivery=partial(self._delivered, refused),
                )
            except BufferError:
                self._waiting.appendleft(refused)
                break
        self._producer.poll(seconds)

    def _delivered(self, refused: _Refused, error: KafkaError | None, _: Message) -> None:
        if error is None:
            refused.tally.outstanding -= 1
            return
        log.error("reject not delivered, trying again", topic=self._topic, error=error.str())
        self._waiting.append(refused)
