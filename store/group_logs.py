"""What one look at Kafka says of topics and their consumer group, in as many requests for 1 partition as for 1,000.

A partition without an answer is left out instead of failing the rest: who watches a broken system needs the others.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, OffsetSpec, TopicDescription

from schemas.exits import Unavailable
from store.denied import kafka_denial
from store.layout import SlotName
from store.offsets import LogBounds, answered

if TYPE_CHECKING:
    from concurrent.futures import Future

ANSWER_SECONDS = 5.0
_SHOWN_OF_MEMBER = 8


class Group(msgspec.Struct, frozen=True):
    """Topics that exist, with their id and partitions, and who of the group owns a partition."""

    topic_ids: Mapping[str, str]
    slots: tuple[SlotName, ...]
    owners: Mapping[SlotName, str] | None
    """None where the broker did not say."""


def read_group(admin: AdminClient, topics: Collection[str], group_id: str) -> Group:
    """Two requests. Missing topics are left out. Raises Unavailable where Kafka gives no answer about the topics."""
    described: Mapping[str, Future[TopicDescription]] = admin.describe_topics(
        TopicCollection(sorted(topics)), request_timeout=ANSWER_SECONDS
    )
    found: dict[str, TopicDescription] = {}
    failed: KafkaException | None = None
    for name, future in described.items():
        try:
            found[name] = answered(future, ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                failed = error
    if failed is not None:
        message = f"Kafka gave no answer about topics: {failed.args[0].str()}"
        raise kafka_denial(failed.args[0], "Describe on a topic") or Unavailable(message) from failed
    slots = [SlotName(name, n) for name, topic in found.items() for n in range(len(topic.partitions))]
    ids = {name: str(topic.topic_id) for name, topic in found.items()}
    return Group(ids, tuple(sorted(slots)), _owners(admin, group_id))


def _owners(admin: AdminClient, group_id: str) -> dict[SlotName, str] | None:
    """Who owns what, None where that is not known.

    Asked only of a broker that has just answered: where the group's coordinator is away, librdkafka may abort the whole
    process, or never answer (https://github.com/confluentinc/librdkafka/issues/4605).
    """
    groups: Mapping[str, Future[ConsumerGroupDescription]] = admin.describe_consumer_groups(
        [group_id], request_timeout=ANSWER_SECONDS
    )
    try:
        group = answered(groups[group_id], ANSWER_SECONDS)
    except KafkaException as error:
        return {} if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND else None
    return {
        SlotName(place.topic, place.partition): f"{member.client_id}/{_short(member.member_id)} at {_host(member.host)}"
        for member in group.members
        for place in member.assignment.topic_partitions
    }


def _short(member_id: str) -> str:
    """Enough of a member's id to tell the processes of one machine apart."""
    return member_id[-_SHOWN_OF_MEMBER:]


def _host(host: str) -> str:
    return host.lstrip("/")


def read_bounds(admin: AdminClient, slots: Collection[SlotName]) -> dict[SlotName, LogBounds]:
    """Start and last stable offset of each log, in two requests for each broker; without those of no answer."""
    if not slots:
        return {}
    starts = _ask(admin, slots, OffsetSpec.earliest())
    ends = _ask(admin, slots, OffsetSpec.latest())
    found: dict[SlotName, LogBounds] = {}
    for slot in slots:
        start, end = _offset(starts[slot]), _offset(ends[slot])
        if start is not None and end is not None:
            found[slot] = LogBounds(start, end)
    return found


def _ask(admin: AdminClient, slots: Collection[SlotName], spec: OffsetSpec) -> dict[SlotName, "Future[object]"]:
    wanted = {TopicPartition(slot.topic, slot.partition): spec for slot in slots}
    answers = admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS)
    return {SlotName(place.topic, place.partition): answer for place, answer in answers.items()}


def _offset(answer: "Future[object]") -> int | None:
    try:
        return int(answered(answer, ANSWER_SECONDS).offset)  # type: ignore[attr-defined]
    except KafkaException:
        return None
