"""Sends the canary's events, one to each partition, and its account record."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message

from schemas.accounts import AccountValue
from schemas.events import ActionEvent
from schemas.exits import Denied, Unavailable
from schemas.moments import Calendar
from schemas.settings import Settings
from store.connect import kafka_producer
from store.denied import kafka_denial
from store.layout import SlotName
from stream.canary.ledger import Ledger

ACTION = "canary"
STATUS = "Canary"
SEND_SECONDS = 30.0
"""How long Kafka may take to say that it took an event."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Clocks(msgspec.Struct, frozen=True):
    """`now` is the time of day in seconds since 1970, `steady` seconds that never go back."""

    now: Callable[[], float]
    steady: Callable[[], float]


class _Flight(msgspec.Struct, frozen=True):
    """An event on its way to Kafka: where to, of which day, and when it was sent."""

    slot: SlotName
    day: int
    at: float


class Tally(msgspec.Struct):
    """Of one partition: events that Kafka took, and those of which it did not say so."""

    sent: int = 0
    failed: int = 0


class Sender:
    """Of one account. Not for several threads: answers of Kafka are taken in by `answers` and `flush` alone."""

    def __init__(self, settings: Settings, account: str, clocks: Clocks) -> None:
        self._settings = settings
        self._account = account
        self._clocks = clocks
        self._calendar = Calendar(settings.timezone)
        self._denied: Denied | None = None
        self._error: str | None = None
        self.tallies: dict[SlotName, Tally] = {}
        # The Java clients' partitioner, for the account record; events are sent to partitions by number.
        ours = {"message.timeout.ms": int(SEND_SECONDS * 1000), "partitioner": "murmur2_random"}
        self._producer = kafka_producer(settings, **ours)

    def send(self, ledgers: Mapping[SlotName, Ledger]) -> None:
        """One event to each partition. Raises Unavailable, once all were tried, where the client does not take one."""
        refused: Unavailable | None = None
        for slot, ledger in ledgers.items():
            moment, at = int(self._clocks.now() * 1000), self._clocks.steady()
            event = ActionEvent(self._account, ACTION, _rfc3339(moment))
            answered = partial(self._answered, _Flight(slot, self._calendar.day(moment), at), ledger)
            ledger.sending(at)
            try:
                self._put(slot.topic, event, answered, slot.partition)
            except Unavailable as error:
                ledger.failed(at)
                refused = error
        if refused is not None:
            raise refused

    def learn_partitions(self, topic: str, seconds: float) -> None:
        """Have the client ask for the partitions of a topic: by itself it does so every five minutes."""
        self._producer.list_topics(topic, timeout=seconds)

    def send_account(self) -> None:
        """The account record that gives the canary its Status. Raises Denied, Unavailable."""
        topic = self._settings.topics.accounts
        record = AccountValue(self._account, STATUS)

        def answered(error: KafkaError | None, _: Message) -> None:
            self._note(topic, error)

        self._put(topic, record, answered)
        self._producer.flush(SEND_SECONDS + 1)
        self.answers()

    def answers(self) -> None:
        """Take in what Kafka answered so far. Raises Denied, and Unavailable where it did not take something."""
        self._producer.poll(0)
        denied, error = self._denied, self._error
        self._denied = self._error = None
        if denied is not None:
            raise denied
        if error is not None:
            raise Unavailable(error)

    def today(self) -> int:
        """The day that events are sent on now."""
        return self._calendar.day(int(self._clocks.now() * 1000))

    def _put(
        self,
        topic: str,
        value: ActionEvent | AccountValue,
        answered: Callable[[KafkaError | None, Message], None],
        partition: int = -1,
    ) -> None:
        fields = {name: text for name, text in msgspec.structs.asdict(value).items() if text is not None}
        data, key = msgspec.json.encode(fields), self._account.encode()
        try:
            self._producer.produce(topic, data, key, partition=partition, on_delivery=answered)
        except (BufferError, KafkaException) as error:
            raise Unavailable(f"Kafka takes no event of the canary for {topic}: {error}") from error

    def _answered(self, flight: _Flight, ledger: Ledger, error: KafkaError | None, message: Message) -> None:
        tally = self.tallies.setdefault(flight.slot, Tally())
        self._note(flight.slot.topic, error)
        if error is None:
            tally.sent += 1
            ledger.took(message.offset() or 0, flight.day, flight.at)
        else:
            tally.failed += 1
            ledger.failed(flight.at)

    def _note(self, topic: str, error: KafkaError | None) -> None:
        """For `answers`: an exception does not come out of a callback in every version of the client."""
        if error is not None:
            self._denied = self._denied or kafka_denial(error, f"Write on topic {topic}")
            self._error = f"Kafka did not take what the canary sent to {topic}: {error.str()}"


def _rfc3339(moment: int) -> str:
    return (_EPOCH + dt.timedelta(milliseconds=moment)).isoformat(timespec="milliseconds")
