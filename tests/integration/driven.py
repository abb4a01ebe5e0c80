"""One step of a worker at a time, on real services."""

from collections.abc import Sequence

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.moments import Calendar
from store.connect import kafka_consumer, kafka_producer
from store.layout import SlotName
from store.slots import SlotStore
from stream.assignment import Assignment
from stream.broker import Broker
from stream.fetching import fetching
from stream.loading import Parts
from stream.member import consumer_settings
from stream.rejects import RejectSender
from stream.slot import SlotRules
from tests.integration.live import Live
from tests.support import wait_until


class Driven:
    """An assignment of one partition whose every step the test takes; its clock stands still unless it is moved."""

    def __init__(self, live: Live) -> None:
        settings, self._slot = live.settings, live.slot()
        rules = SlotRules(Calendar("UTC"), 3, 400, settings.max_record_bytes, user_scores=False)
        rejects = RejectSender(kafka_producer(settings), settings.topics.rejects)
        parts = Parts(SlotStore(live.client), rejects, rules, "UTC", settings.topics.actions, live.new_state_id)
        self.now = 100.0
        self.consumer: Consumer = kafka_consumer(settings, **consumer_settings(settings, (settings.topics.actions,)))
        self.assignment = Assignment(
            fetching(self.consumer, settings), Broker(live.admin, settings), parts, lambda: self.now
        )
        self.assign()
        self.load()

    def assign(self) -> None:
        self.assignment.on_assign(self.consumer, [TopicPartition(self._slot.topic, self._slot.partition)])

    def load(self, step: float = 1.0) -> None:
        """Let due things be done until records may arrive, `step` seconds by the clock from one to the next."""
        while not self.assignment.generations():
            self.now += step
            self.assignment.maintain()

    def fetch(self, records: int) -> tuple[Sequence[Message], dict[SlotName, int]]:
        """Exactly so many records, and what they were fetched under."""
        found: list[Message] = []

        def enough() -> bool:
            messages = self.consumer.consume(records - len(found), 0.1)
            found.extend(message for message in messages if message.error() is None)
            return len(found) >= records

        before = self.assignment.generations()
        wait_until(enough)
        return found, before

    def store(self) -> None:
        """Let a checkpoint, or a look at the header, be due and done."""
        self.now += 10
        self.assignment.maintain()
