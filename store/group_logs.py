"""What one look at Kafka says of topics and their consumer group, in as many requests for 1 partition as for 1,000.

A partition without an answer is left out instead of failing the rest: who watches a broken system needs the others.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from confluent_kafka import (
    IsolationLevel,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.exits import Denied, Unavailable
from store.layout import SlotName
from store.offsets import LogBounds, answered, existing, holders

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
    """Two requests. Missing topics are left out.

    Raises Unavailable where Kafka gives no answer about the topics, Denied.
    """
    found = existing(admin, topics, ANSWER_SECONDS)
    slots = [SlotName(name, n) for name, topic in found.items() for n in range(len(topic.partitions))]
    ids = {name: str(topic.topic_id) for name, topic in found.items()}
    return Group(ids, tuple(sorted(slots)), _owners(admin, group_id))


def _owners(admin: AdminClient, group_id: str) -> dict[SlotName, str] | None:
    """Who owns what, None where that is not known.

    Asked only of a broker that has just answered: where the group's coordinator is away, librdkafka may abort the whole
    process, or never answer (https://github.com/confluentinc/librdkafka/issues/4605).
    """
    try:
        found = holders(admin, group_id, ANSWER_SECONDS)
    except (Unavailable, Denied):
        return None
    # The end of a member's id tells the processes of one machine apart.
    return {
        slot: f"{one.client_id}/{one.member_id[-_SHOWN_OF_MEMBER:]} at {one.host.lstrip('/')}"
        for slot, one in found.items()
    }


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
