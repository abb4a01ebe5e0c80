"""Refused records on their way to the rejects topic: none is forgotten before the broker has it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.exits import Denied, EngagementError, Unavailable
from store.denied import kafka_denial

log = structlog.get_logger()

PRODUCER_SETTINGS = {
    "message.max.bytes": 1_000_000_000,
    "compression.type": "zstd",
    "linger.ms": 20,
    "message.timeout.ms": 0,
}
"""Whatever an input topic takes must fit, and a record is tried until the broker has it: no size and time limits."""
TRY_AGAIN_SECONDS = 1.0
DELIVERY_SECONDS = 5.0
"""How long delivering may take before it is a wait that is told."""
MOST_HELD_BYTES = 64 * 1024 * 1024
"""Of rejects that are not delivered: from there on no records are counted until some are."""
_BYTES_BESIDE = 1_000
"""What a reject takes in memory beside its key and value: headers, message, callback."""


class UndeliveredError(Unavailable):
    """Rejects are on their way, and nothing may go on before the broker has them."""


@dataclass(slots=True)
class Tally:
    """How many rejects of one slot in memory are not delivered yet. A reload starts a new tally."""

    outstanding: int = 0
    waited_since: float | None = None
    """When somebody first waited for these to be delivered, in monotonic seconds."""

    def is_late(self, now: float) -> bool:
        """Whether the wait takes so long that the topic or its broker is in trouble."""
        if self.waited_since is None:
            self.waited_since = now
        return now - self.waited_since >= DELIVERY_SECONDS

    def delivered(self) -> None:
        """The broker has one more."""
        self.outstanding -= 1
        if not self.outstanding:
            self.waited_since = None


@dataclass(frozen=True, slots=True)
class _Refused:
    tally: Tally
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def held_bytes(self) -> int:
        return len(self.key or b"") + len(self.value or b"") + _BYTES_BESIDE


class RejectSender:
    """Delivers rejects at least once and in its own time; ``pump`` has to be called regularly."""

    held_bytes = 0
    """About the memory that undelivered rejects take, those of all slots."""

    def __init__(
        self,
        producer: Producer,
        topic: str,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[KafkaError], None] = lambda _: None,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._failed_with = failed
        self._denial: Denied | None = None
        self._waiting: deque[_Refused] = deque()
        self._failed: list[_Refused] = []
        self._try_again_at = 0.0

    def send(self, tally: Tally, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Take a refused record; ``tally`` tells when it is delivered."""
        tally.outstanding += 1
        refused = _Refused(tally, key, value, headers)
        self.held_bytes += refused.held_bytes
        self._waiting.append(refused)

    @property
    def full(self) -> bool:
        """Whether no more should be sent before some of it is delivered."""
        return self.held_bytes >= MOST_HELD_BYTES

    def pump(self, seconds: float = 0.0) -> None:
        """Hand on what waits and take in deliveries, for at most ``seconds``.

        Raises EngagementError where this producer will never deliver anything again, Denied where it may not write.
        """
        if self._denial is not None:
            raise self._denial
        if self._failed and self._clock() >= self._try_again_at:
            self._waiting.extend(self._failed)
            self._failed = []
        while self._waiting:
            refused = self._waiting.popleft()
            try:
                self._produce(refused)
            except BufferError:
                self._waiting.appendleft(refused)
                break
            except KafkaException as error:  # such as a topic that the producer knows to be gone
                self._put_off(refused, error.args[0])
        self._producer.poll(seconds)

    def _produce(self, refused: _Refused) -> None:
        delivered = partial(self._delivered, refused)
        headers: list[tuple[str, str | bytes | None]] = list(refused.headers)
        self._producer.produce(
            self._topic, key=refused.key, value=refused.value, headers=headers, on_delivery=delivered
        )

    def _delivered(self, refused: _Refused, error: KafkaError | None, _: Message) -> None:
        if error is None:
            refused.tally.delivered()
            self.held_bytes -= refused.held_bytes
        else:
            self._put_off(refused, error)

    def _put_off(self, refused: _Refused, error: KafkaError) -> None:
        self._failed_with(error)
        if not self._failed:
            log.error("rejects not delivered, trying again", topic=self._topic, error=error.str())
            self._try_again_at = self._clock() + TRY_AGAIN_SECONDS
        self._failed.append(refused)
        self._denial = kafka_denial(error, f"Write on topic {self._topic}")
        if self._denial is not None:
            raise self._denial
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  librdkafka's public name
            message = f"{self._topic}: {error.str()}; this producer cannot go on, a new one may: start the worker again"
            raise EngagementError(message)
