"""The offsets that the stream's group committed in Kafka: traces of a slot that Redis lost, never places to resume at.

Asked by a consumer, not by the admin client: of that, an answer about offsets may never come when the group's
coordinator has just come back, and the future that waits for it waits for good.
"""

from collections.abc import Collection

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.settings import Settings
from store.connect import kafka_consumer
from store.denied import kafka_failure
from store.layout import SlotName

ANSWER_SECONDS = 5.0


class Committed:
    """Of the stream's group, which is never joined. Not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._what = f"group {settings.group_id}"
        self._consumer: Consumer | None = None

    def close(self) -> None:
        """Give the consumer up."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def offsets(self, slots: Collection[SlotName]) -> dict[SlotName, int]:
        """The offset of each of `slots` that has one. Raises Unavailable without an answer, Denied without a right."""
        if not slots:
            return {}
        if self._consumer is None:
            self._consumer = kafka_consumer(self._settings, **{"group.id": self._settings.group_id})
        places = [TopicPartition(slot.topic, slot.partition) for slot in slots]
        try:
            found = self._consumer.committed(places, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise kafka_failure(error.args[0], self._what) from error
        for place in found:
            if place.error is not None:
                raise kafka_failure(place.error, self._what)
        return {SlotName(place.topic, place.partition): place.offset for place in found if place.offset >= 0}
