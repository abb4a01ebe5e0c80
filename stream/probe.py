"""Whether a slot's next offset still belongs to the log that is there now, as the broker's leader epochs tell.

The consumer of a group does not find out: librdkafka compares epochs when it learns of another leader, and where it
knows the leader before it starts to read, it reads on. Here it starts before it knows any.
"""

import time
from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.exits import Unavailable
from schemas.settings import Settings
from store.connect import kafka_consumer
from store.denied import read_denial
from store.layout import Header, SlotName

ANSWER_SECONDS = 10.0
LEAST_DATA = {"fetch.message.max.bytes": 1, "fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 1}
"""One record, or the event that there is none, says enough."""


def truncated(settings: Settings, headers: Mapping[SlotName, Header]) -> set[SlotName]:
    """The slots of which counted records were replaced by others, at offsets that exist again.

    Raises Unavailable where the broker does not say, Denied. Without a leader epoch in the header there is nothing to
    compare.
    """
    places = [
        TopicPartition(slot.topic, slot.partition, header.epoch_offset, leader_epoch=header.leader_epoch)
        for slot, header in headers.items()
        if header.leader_epoch is not None
    ]
    if not places:
        return set()
    # The group is never joined and nothing is committed, but librdkafka wants its name.
    wanted = {"group.id": settings.group_id, "enable.partition.eof": True, **LEAST_DATA}
    consumer = kafka_consumer(settings, **wanted)
    try:
        consumer.assign(places)
        return _refused(consumer, {SlotName(place.topic, place.partition) for place in places})
    finally:
        consumer.close()


def _refused(consumer: Consumer, slots: Collection[SlotName]) -> set[SlotName]:
    refused: set[SlotName] = set()
    open_questions = set(slots)
    deadline = time.monotonic() + ANSWER_SECONDS
    while open_questions:
        if time.monotonic() > deadline:
            names = ", ".join(map(str, sorted(open_questions)))
            message = (
                f"Kafka did not say within {ANSWER_SECONDS:.0f} s whether the log of {names} has a gap; see the broker"
            )
            raise Unavailable(message)
        try:
            event = consumer.poll(1.0)
        except KafkaException as error:
            raise Unavailable(f"Kafka gave no answer about the logs: {error.args[0].str()}") from error
        if event is None:
            continue
        slot, said = SlotName(event.topic() or "", event.partition() or 0), event.error()
        if said is None or said.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's public names
            if slot in open_questions:  # else its other records keep those of the rest from coming
                consumer.pause([TopicPartition(slot.topic, slot.partition)])
            open_questions.discard(slot)
        elif said.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  as above
            open_questions.discard(slot)
            refused.add(slot)
        elif denial := read_denial(said, slot.topic, "<topic_prefix>stream"):
            raise denial
    return refused
