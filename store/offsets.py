"""What the broker knows about topics and groups: partitions, topic ids, log bounds, owners.

All functions raise Unavailable where the broker gives no answer, Denied where it refuses one for lack of a right.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec
from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    ConsumerGroupDescription,
    MemberDescription,
    OffsetSpec,
    ResourceType,
    TopicDescription,
)

from schemas.exits import EngagementError
from store.denied import kafka_failure
from store.layout import SlotName

if TYPE_CHECKING:
    from concurrent.futures import Future

ANSWER_SECONDS = 30.0
_PAUSE_SECONDS = 0.1
_FORGOTTEN_SECONDS = 2.0
_PASSING = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.OFFSET_NOT_AVAILABLE,
)
"""Answers of a broker whose view of a partition is about to change: the topic is new, or its leader moved."""

Answer = TypeVar("Answer")


class LogBounds(msgspec.Struct, frozen=True):
    """The first offset of a partition, and the last stable offset: the end for whoever reads committed records."""

    start: int
    end: int


def partitions(admin: AdminClient, topics: Collection[str]) -> dict[str, int]:
    """Partition count by topic. Raises EngagementError that names all missing topics."""
    return {name: len(topic.partitions) for name, topic in _describe(admin, topics).items()}


def topic_ids(admin: AdminClient, topics: Collection[str]) -> dict[str, str]:
    """The id that a topic got when it was made. Raises EngagementError that names all missing topics."""
    return {name: str(topic.topic_id) for name, topic in _describe(admin, topics).items()}


def _describe(admin: AdminClient, topics: Collection[str]) -> dict[str, TopicDescription]:
    found = existing(admin, topics)
    missing = sorted(set(topics) - found.keys())
    if missing:
        message = f"missing in Kafka: {', '.join(missing)}; make them with `engagement-stream topics --create`"
        raise EngagementError(message)
    return found


def existing(
    admin: AdminClient, topics: Collection[str], seconds: float = ANSWER_SECONDS
) -> dict[str, TopicDescription]:
    """What the broker says of those of the topics that exist."""
    futures: Mapping[str, Future[TopicDescription]] = admin.describe_topics(
        TopicCollection(sorted(topics)), request_timeout=seconds
    )
    found: dict[str, TopicDescription] = {}
    for name, future in futures.items():
        try:
            found[name] = answered(future, seconds)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise kafka_failure(error.args[0], f"topic {name}") from error
    return found


def log_bounds(admin: AdminClient, topics: Collection[str]) -> dict[SlotName, LogBounds]:
    """Start and last stable offset of every partition of `topics`, in order of topic and partition."""
    slots = [SlotName(topic, p) for topic, count in sorted(partitions(admin, topics).items()) for p in range(count)]
    starts = _offsets(admin, slots, OffsetSpec.earliest(), IsolationLevel.READ_COMMITTED)
    ends = _offsets(admin, slots, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
    return {slot: LogBounds(starts[slot], ends[slot]) for slot in slots}


def high_watermarks(admin: AdminClient, slots: Iterable[SlotName]) -> dict[SlotName, int]:
    """The end of each partition including records of transactions that are still open."""
    return _offsets(admin, slots, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)


def _offsets(
    admin: AdminClient, slots: Iterable[SlotName], spec: OffsetSpec, isolation: IsolationLevel
) -> dict[SlotName, int]:
    wanted = {TopicPartition(slot.topic, slot.partition): spec for slot in slots}
    deadline = time.monotonic() + ANSWER_SECONDS
    found: dict[SlotName, int] = {}
    while wanted:
        futures = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=ANSWER_SECONDS)
        for place, future in futures.items():
            try:
                found[SlotName(place.topic, place.partition)] = int(answered(future).offset)
            except KafkaException as error:
                if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise kafka_failure(error.args[0], f"topic {place.topic}") from error
        wanted = {place: spec for place in wanted if SlotName(place.topic, place.partition) not in found}
        if wanted:
            time.sleep(_PAUSE_SECONDS)
    return found


def owners(admin: AdminClient, group_id: str, seconds: float) -> dict[SlotName, str]:
    """The group member ("client id at host") that every assigned partition belongs to."""
    held = holders(admin, group_id, seconds)
    return {slot: f"{one.client_id} at {one.host.lstrip('/')}" for slot, one in held.items()}


def holders(admin: AdminClient, group_id: str, seconds: float = ANSWER_SECONDS) -> dict[SlotName, MemberDescription]:
    """The group member that every assigned partition belongs to; of a group that does not exist, none."""
    futures: Mapping[str, Future[ConsumerGroupDescription]] = admin.describe_consumer_groups(
        [group_id], request_timeout=seconds
    )
    try:
        group = answered(futures[group_id], seconds)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise kafka_failure(error.args[0], f"group {group_id}") from error
    return {
        SlotName(place.topic, place.partition): member
        for member in group.members
        for place in member.assignment.topic_partitions
    }


def log_append_time(admin: AdminClient, topic: str) -> bool:
    """Whether the broker sets the record timestamps of a topic."""
    return topic_settings(admin, [topic])[topic]["message.timestamp.type"] == "LogAppendTime"


def topic_settings(admin: AdminClient, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """All settings of the topics, which have to exist, as the broker applies them."""
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    futures = admin.describe_configs(resources, request_timeout=ANSWER_SECONDS) if resources else {}
    found = {one.name: _result(f"topic {one.name}", futures[one], "DescribeConfigs") for one in resources}
    return {topic: {name: entry.value or "" for name, entry in entries.items()} for topic, entries in found.items()}


def answered(future: "Future[Answer]", seconds: float = ANSWER_SECONDS) -> Answer:
    """What the broker said to a question with a time limit of ``seconds``.

    Raises KafkaException, also where the client forgets about the limit: it does where a group's coordinator goes away
    (https://github.com/confluentinc/librdkafka/issues/4605).
    """
    try:
        return future.result(seconds + _FORGOTTEN_SECONDS)
    except TimeoutError as error:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from error  # noqa: SLF001  librdkafka's public name


def _result(what: str, future: "Future[Answer]", right: str = "Describe") -> Answer:
    try:
        return answered(future)
    except KafkaException as error:
        raise kafka_failure(error.args[0], what, right) from error
