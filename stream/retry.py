"""Sending refused records again: to the input topic and partition they came from, with headers that say so.

A record and the mark that it was sent again become true in one transaction, so a retry that dies or is run twice sends
nothing twice. One transactional id per prefix makes retries take turns: who starts later fences who came before, and
reads the marks only after that.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.exits import EngagementError, Unavailable
from schemas.settings import Settings
from store import transactions
from store.connect import kafka_producer
from store.denied import kafka_denial
from stream.rejects_report import Wanted
from stream.rejects_topic import MARK, Mark, Place, Rejected

INIT_SECONDS = 60.0
TRANSACTION_SECONDS = 30
"""How long workers may be kept from reading on by a retry that died."""
RECORDS_AT_ONCE = 1_000
BYTES_AT_ONCE = 16 * 1024 * 1024
_LARGEST = 1_000_000_000


class Fixed(msgspec.Struct, frozen=True):
    """What is sent instead of the refused record. Without a key the record keeps its own."""

    value: bytes
    key: bytes | None = None


class Survey(msgspec.Struct, frozen=True):
    """What a first pass over the rejects topic finds: the places chosen, and which of them were sent again before."""

    chosen: set[Place]
    retried: set[Place]


class Choice(msgspec.Struct, frozen=True):
    """Which rejects are to be sent again: those that are wanted, or if there are fixes, exactly the fixed ones."""

    wanted: Wanted
    fixes: Mapping[Place, Fixed] | None = None
    again: bool = False
    """Whether also those that were sent again before."""

    def __contains__(self, one: Rejected) -> bool:
        return one in self.wanted and (self.fixes is None or one.source in self.fixes)

    @property
    def named(self) -> set[Place]:
        """The places that somebody asked for by name."""
        return set(self.fixes or ()) | ({self.wanted.place} if self.wanted.place else set())

    def skipped(self, found: Survey) -> int:
        """How many of what is chosen are left out, as they were sent again before."""
        return 0 if self.again else len(found.retried)


class Again(msgspec.Struct, frozen=True):
    """A record as it is to be sent: the reject it was, and what is different about it."""

    rejected: Rejected
    fixed: Fixed | None

    @property
    def key(self) -> bytes | None:
        """That of the fix, else its own."""
        return self.fixed.key if self.fixed and self.fixed.key is not None else self.rejected.key

    @property
    def value(self) -> bytes | None:
        """That of the fix, else its own."""
        return self.fixed.value if self.fixed else self.rejected.value


def survey(records: Iterable[Rejected | Mark], choice: Choice) -> Survey:
    """Find what is chosen. Raises EngagementError where a place that is named holds no reject."""
    chosen: set[Place] = set()
    marks: set[Place] = set()
    for one in records:
        if isinstance(one, Mark):
            marks.add(one.source)
        elif one in choice:
            chosen.add(one.source)
    missing = sorted(choice.named - chosen)
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise EngagementError(f"{missing[0]}{others} is not among the rejects; see `engagement-stream rejects list`")
    return Survey(chosen, chosen & marks)


def select(records: Iterable[Rejected | Mark], choice: Choice, found: Survey) -> Iterator[Again]:
    """What is to be sent, each place once."""
    left = set(found.chosen) if choice.again else found.chosen - found.retried
    for one in records:
        if isinstance(one, Rejected) and one.source in left:
            left.remove(one.source)
            yield Again(one, (choice.fixes or {}).get(one.source))


class Resender:
    """The right to send again, from construction on, until a newer retry takes it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Take that right. Raises Unavailable where Kafka does not grant it in INIT_SECONDS, Denied."""
        self._settings = settings
        self._clock = clock
        self._name = settings.topic_prefix + "retry"
        with self._failures():
            self._producer = _producer(settings, self._name)
            self._producer.init_transactions(INIT_SECONDS)

    def send(self, records: Iterable[Again]) -> int:
        """Send them, some in each transaction; how many it were. Raises EngagementError that says what was sent."""
        sent = 0
        for group in in_groups(records):
            with self._failures(sent):
                self._send_whole(group)
            sent += len(group)
        return sent

    def _send_whole(self, group: list[Again]) -> None:
        producer = self._producer
        producer.begin_transaction()
        try:
            for one in group:
                self._produce(one)
            transactions.commit(producer, TRANSACTION_SECONDS, self._clock)
        except BaseException:
            transactions.abort(producer)
            raise

    def _produce(self, one: Again) -> None:
        source = one.rejected.source
        place = [("topic", source.topic), ("partition", str(source.partition)), ("offset", str(source.offset))]
        came_from = [(f"retried-from-{name}", text.encode()) for name, text in place]
        self._put(source.topic, source.partition, one.key, one.value, came_from)
        mark = [*((name, text.encode()) for name, text in place), (MARK, b"fixed" if one.fixed else b"as it was")]
        # Beside its reject, so that retention never takes the mark before it.
        self._put(self._settings.topics.rejects, one.rejected.held_in, one.rejected.key, None, mark)

    def _put(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        listed: list[tuple[str, str | bytes | None]] = list(headers)
        try:
            self._producer.produce(topic, value, key, partition=partition, headers=listed)
        except KafkaException as error:
            raise transactions.cause(self._producer, error) from error

    @contextmanager
    def _failures(self, sent: int = 0) -> Iterator[None]:
        """Say what a failure of the producer means for the retry."""
        try:
            yield
        except KafkaException as error:
            cause = error.args[0]
            denial = kafka_denial(cause, f"Write on the input topics, the rejects or transactional id {self._name}")
            if denial is not None:
                raise denial from error
            done = f"sent for sure: {sent}; run again, none is sent twice"
            if cause.code() in transactions.FENCED:
                raise EngagementError(f"another `engagement-stream rejects retry` took over; {done}") from error
            if cause.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise EngagementError(
                    f"a record is larger than its input topic takes; raise max.message.bytes of it; {done}"
                ) from error
            raise Unavailable(f"Kafka did not take the records ({cause.str()}); {done}") from error


def _producer(settings: Settings, name: str) -> Producer:
    ours = {
        "transactional.id": name,
        "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
        "message.timeout.ms": TRANSACTION_SECONDS * 1000,
        "message.max.bytes": _LARGEST,
        "compression.type": "zstd",
    }
    return kafka_producer(settings, **ours)


def in_groups(records: Iterable[Again]) -> Iterator[list[Again]]:
    """The records in order, as many at once as a transaction takes."""
    group: list[Again] = []
    size = 0
    for one in records:
        group.append(one)
        size += len(one.value or b"")
        if len(group) == RECORDS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group
