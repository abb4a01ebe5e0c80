"""How far a consumer that was assigned by hand has read a partition, as one that reads to a known end must know it."""

from confluent_kafka import KafkaError, KafkaException, Message

from store.layout import SlotName

_PASSING = (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT)  # noqa: SLF001  librdkafka's public names


def reached(message: Message) -> tuple[SlotName, int]:
    """The partition of what a consumer gave, and the offset that is next there; 0 where it gave an error that passes.

    Markers of transactions are passed too: they show in the offset of the end-of-log event (`enable.partition.eof`).
    Raises KafkaException for an error that does not pass by itself.
    """
    slot, offset = SlotName(message.topic() or "", message.partition() or 0), message.offset() or 0
    error = message.error()
    if error is None:
        return slot, offset + 1
    if error.code() not in _PASSING and not error.retriable():
        raise KafkaException(error)
    return slot, offset if error.code() == KafkaError._PARTITION_EOF else 0  # noqa: SLF001  as above
