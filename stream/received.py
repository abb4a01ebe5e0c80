"""What the consumer returned, sorted: the records of each partition, how far its log goes, errors that end the run."""

from collections.abc import Iterable, Sequence
from itertools import chain, compress
from operator import itemgetter, ne

import numpy as np
import structlog
from confluent_kafka import KafkaError, Message

from schemas.exits import Blocked, EngagementError, Obstacle
from store.denied import read_denial
from store.layout import SlotName
from store.remedies import ways_past_gap
from stream.batch import Batch

log = structlog.get_logger()


def by_partition(messages: Sequence[Message]) -> dict[SlotName, Sequence[Message]]:
    """The messages of each partition, in order. They come in runs; the longer a batch, the cheaper each record."""
    if not messages:
        return {}
    topics = set(map(Message.topic, messages))
    if len(topics) > 1:
        mixed = [(topic, [message for message in messages if message.topic() == topic]) for topic in topics]
        return {name: records for _, part in mixed for name, records in by_partition(part).items()}
    partitions = list(map(Message.partition, messages))
    starts = [0, *compress(range(1, len(partitions)), map(ne, partitions[1:], partitions))]
    runs: dict[int, list[Sequence[Message]]] = {}
    for start, end in zip(starts, [*starts[1:], len(partitions)], strict=True):
        runs.setdefault(partitions[start] or 0, []).append(messages[start:end])
    topic = topics.pop() or ""
    return {SlotName(topic, partition): list(chain(*parts)) for partition, parts in runs.items()}


def to_batch(name: SlotName, generation: int, messages: Sequence[Message]) -> Batch:
    """The records among ``messages``; an end-of-partition event says how far the log holds nothing else."""
    events = list(compress(messages, map(Message.error, messages)))
    end = check_errors(name, events)
    records = [message for message in messages if message.error() is None] if events else messages
    size = len(records)
    offsets = np.fromiter(map(Message.offset, records), np.int64, size)
    times = np.fromiter(map(itemgetter(1), map(Message.timestamp, records)), np.int64, size)
    if size:
        end = max(end, int(offsets[-1]) + 1)
    epoch = records[-1].leader_epoch() if size else None
    return Batch(name, generation, records, list(map(Message.value, records)), offsets, times, end, epoch)


def check_errors(name: SlotName, events: Iterable[Message]) -> int:
    """The offset of the last end-of-partition event, 0 without one. Raises for what does not pass by itself."""
    end = 0
    for event in events:
        error = event.error()
        if error is None:
            continue
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's public name for the event
            end = event.offset() or 0
        elif code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  as above
            message = f"{name}: the log no longer holds the offset that is next ({error.str()}); {ways_past_gap(name)}"
            raise Blocked(message, Obstacle.BEFORE_START)
        elif denial := read_denial(error, name.topic, "<topic_prefix>stream"):
            raise denial
        elif code == KafkaError.UNKNOWN_TOPIC_OR_PART or error.fatal():
            message = f"{name.topic}: {error.str()}; see `engagement-stream topics`"
            raise EngagementError(message)
        else:
            log.warning("kafka", slot=str(name), error=error.str())
    return end
