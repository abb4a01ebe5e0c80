"""What tests of several kinds need beside fixtures: waiting for a condition, topics, servers of one's own."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.cimpl import KafkaError, NewTopic

_LOOK_AGAIN_SECONDS = 0.02
_TOPIC_SECONDS = 30
_ENDS_SECONDS = 10
PATIENCE_SECONDS = 90.0
"""Longer than all that may rightly take long: a group misses a member that went without a word after 45 s, the client
may forget an answer for 32 s, and a machine may be busy meanwhile. Only a test that fails waits for so long."""

Answer = TypeVar("Answer")


def wait_until(
    condition: Callable[[], Answer | None], seconds: float = PATIENCE_SECONDS, what: str = "the condition"
) -> Answer:
    """Return the first true answer of `condition`; fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds:g} s; the last answer was {answer!r}")
        time.sleep(_LOOK_AGAIN_SECONDS)


def create_topics(kafka: str, partitions: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
    """Create the topics with these numbers of partitions, and return once the broker leads all of them."""
    admin = AdminClient({"bootstrap.servers": kafka})
    wanted = [NewTopic(topic, count, 1, config=dict(config or {})) for topic, count in partitions.items()]
    for created in admin.create_topics(wanted, operation_timeout=_TOPIC_SECONDS).values():
        created.result()
    wait_until(lambda: all(_led(admin, topic) == count for topic, count in partitions.items()), what=f"{partitions}")


def delete_topics(kafka: str, prefix: str) -> None:
    """Delete all topics whose names start so, and return once the broker has forgotten them: it answers before.

    A topic that is made anew at once might be taken for the old one.
    """
    admin = AdminClient({"bootstrap.servers": kafka})

    def mine() -> list[str]:
        return [topic for topic in admin.list_topics(timeout=_TOPIC_SECONDS).topics if topic.startswith(prefix)]

    there = mine()
    for deleted in admin.delete_topics(there).values() if there else ():
        deleted.result()
    wait_until(lambda: not mine(), what=f"{prefix} to be forgotten")


def await_markers(kafka: str, *topics: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once no transaction is open in the topics: a commit is confirmed before each partition has its marker."""
    admin = AdminClient({"bootstrap.servers": kafka})

    def all_there() -> bool:
        """Whether all that is in the logs now is decided; more may come meanwhile."""
        with suppress(KafkaException, TimeoutError):  # of a broker that is away
            found = _ends(admin, topics, IsolationLevel.READ_UNCOMMITTED)
            stable = _ends(admin, topics, IsolationLevel.READ_COMMITTED)
            return all(stable[place] >= end for place, end in found.items())
        return False

    wait_until(all_there, seconds, f"the markers of all transactions in {topics}")


def _ends(admin: AdminClient, topics: Iterable[str], isolation: IsolationLevel) -> dict[tuple[str, int], int]:
    places = [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in admin.list_topics(topic, timeout=_TOPIC_SECONDS).topics[topic].partitions
    ]
    wanted = {place: OffsetSpec.latest() for place in places}
    answers = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=_ENDS_SECONDS) if wanted else {}
    return {(place.topic, place.partition): one.result(2 * _ENDS_SECONDS).offset for place, one in answers.items()}


def delete_records(kafka: str, topic: str, partition: int, before: int) -> None:
    """Have a log begin at the offset `before`, -1 for its end."""
    admin = AdminClient({"bootstrap.servers": kafka})
    for deleted in admin.delete_records([TopicPartition(topic, partition, before)]).values():
        deleted.result()


def _led(admin: AdminClient, topic: str) -> int:
    try:
        found = admin.list_topics(topic, timeout=_TOPIC_SECONDS).topics[topic]
    except KafkaException as refused:
        if refused.args[0].code() == KafkaError.LEADER_NOT_AVAILABLE:
            return 0
        raise
    return sum(partition.leader >= 0 for partition in found.partitions.values())
