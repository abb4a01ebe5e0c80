"""Which partitions a consumer group has ever committed an offset for: traces of a slot that Redis lost.

Asked by a consumer, not by the admin client: of that, an answer about offsets may never come when the group's
coordinator has just come back, and the future that waits for it waits for good.
"""

from collections.abc import Collection

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.settings import Settings
from store.connect import kafka_consumer
from store.layout import SlotName

ANSWER_SECONDS = 5.0


class Committed:
    """Of the stream's group, which is never joined. Not for several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Consumer | None = None

    def close(self) -> None:
        """Give the consumer up."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def among(self, slots: Collection[SlotName]) -> set[SlotName]:
        """Those of `slots` with a committed offset; none where the broker gives no answer."""
        if not slots:
            return set()
        if self._consumer is None:
            self._consumer = kafka_consumer(self._settings, **{"group.id": self._settings.group_id})
        places = [TopicPartition(slot.topic, slot.partition) for slot in slots]
        try:
            found = self._consumer.committed(places, timeout=ANSWER_SECONDS)
        except KafkaException:
            return set()
        return {SlotName(place.topic, place.partition) for place in found if place.error is None and place.offset >= 0}
