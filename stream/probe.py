"""Whether a slot's next offset still belongs to the log that is there now, as the broker's leader epochs tell."""

import time

from confluent_kafka import KafkaError, TopicPartition

from schemas.exits import Unavailable
from schemas.settings import Settings
from store.connect import kafka_consumer
from store.layout import Header, SlotName

ANSWER_SECONDS = 30.0


def truncated(settings: Settings, slot: SlotName, header: Header) -> bool:
    """Whether records that the slot has counted were replaced by others, at offsets that exist again.

    Raises Unavailable where the broker does not say. Without a leader epoch in the header there is nothing to compare.
    """
    if header.leader_epoch is None:
        return False
    place = TopicPartition(slot.topic, slot.partition, header.next_offset, leader_epoch=header.leader_epoch)
    # The group is never joined and nothing is committed, but librdkafka wants its name.
    consumer = kafka_consumer(settings, **{"group.id": settings.group_id, "enable.partition.eof": True})
    try:
        consumer.assign([place])
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            event = consumer.poll(1.0)
            if event is None:
                continue
            error = event.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's public names
                return False
            if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  as above
                return True
    finally:
        consumer.close()
    message = (
        f"Kafka did not say within {ANSWER_SECONDS:.0f} s whether {slot} has a gap; see the broker, then run again"
    )
    raise Unavailable(message)
