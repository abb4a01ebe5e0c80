"""This process as a member of the consumer group.

1. The cooperative assignor hands out partitions so that members have equally many, whatever their topics: two members
   that read both topics end with all actions at the one and all accounts at the other, and the second adds no
   throughput. So a worker is two members, each subscribed to one topic: the shares of a topic differ by one partition
   at most. The broker of the consumer protocol does as the assignor does.
2. The eager assignors (range, roundrobin) deal out each topic for itself, so there one member for both topics serves.
   It must be one: a leader that does not read a topic does not see that it got partitions, and the others do not tell
   it.
3. Both are in the same group, so that a partition has one owner also while workers of before, one member for both
   topics, are being replaced.
4. Only the actions are waited for. Account records are few: what of them is there is taken between two batches. While
   there is more of them nothing is waited for, or a backlog of theirs would pass a batch at each end of a wait.
5. A cooperative member that owns nothing falls silent where it is just closed (librdkafka 2.16), and the group waits
   for it with all partitions that it hands out, for the whole session timeout. A member that unsubscribes leaves at
   once, unless it takes part in a rebalance: that has to end first, or `close` to come, which does not wait for it.
   What is left is a member that owns nothing and goes amid a rebalance of seconds. Members by the consumer protocol
   leave by closing, and static ones are not to leave.
"""

import os
import socket
import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.settings import Settings
from store.connect import Admin, kafka_consumer
from stream.assignment import Assignment
from stream.broker import Broker
from stream.fetching import fetching, is_eager, strategy_settings
from stream.loading import Parts

log = structlog.get_logger()

BATCH_RECORDS = 20_000
BATCH_BYTES = 8 * 1024 * 1024
SLICE_RECORDS = 4_000
FILL_SECONDS = 0.1
SERVE_SECONDS = 0.02
_INSTANCE = "group.instance.id"

CONSUMER_SETTINGS: dict[str, Any] = {
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 5,
    "fetch.message.max.bytes": 4 * 1024 * 1024,
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 64 * 1024,
    "topic.metadata.refresh.interval.ms": 30_000,
}
"""Defaults for throughput, which `[kafka]` may change. The backoff alone is worth a factor of five."""


class Member:
    """Not for several threads: callbacks of the group run inside ``turn`` and ``leave``."""

    def __init__(
        self,
        topics: tuple[str, ...],
        settings: Settings,
        admin: Admin,
        parts: Parts,
        stopping: Callable[[], bool],
    ) -> None:
        """Raises ConfigurationError where the client refuses a setting."""
        self.topics = topics
        self._observed = parts.observed
        self._unsubscribes = bool(strategy_settings(settings)) and _INSTANCE not in settings.kafka
        self._waits = settings.topics.actions in topics
        self._consumer = kafka_consumer(
            settings, **consumer_settings(settings, topics), error_cb=parts.observed.kafka_error
        )
        fetches, broker = fetching(self._consumer, settings), Broker(admin, settings)
        self._assignment = Assignment(fetches, broker, parts, time.monotonic, stopping)

    def join(self) -> None:
        """Ask the group for a share of each topic."""
        self._consumer.subscribe(
            list(self.topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def turn(self, *, hurried: bool) -> bool:
        """Fetch, count, do what is due; whether there is more of what is not waited for: point 4.

        ``hurried`` says that another member found so. Raises what ``Assignment.take`` and
        ``Assignment.maintain`` raise.
        """
        generations = self._assignment.generations()
        messages = fetch(self._consumer, FILL_SECONDS if self._waits and not hurried else 0.0)
        current = self._assignment.generations()
        self._assignment.take(messages, {name: n for name, n in generations.items() if current.get(name) == n})
        self._assignment.maintain()
        return len(messages) >= SLICE_RECORDS and not self._waits

    def stop(self, deadline: float) -> bool:
        """Store everything that is counted; whether that was done by ``deadline``."""
        return self._assignment.stop(deadline)

    def leave(self, close_at: float) -> None:
        """Tell Kafka how far is counted, and the group that this member goes: point 5; close by then at the latest.

        ``close_at`` is monotonic time. Closing waits for an answer of the broker.
        """
        self._assignment.commit(wait=True)
        try:
            try:
                self._unsubscribe(close_at)
            finally:
                self._consumer.close()
        except (KafkaException, RuntimeError) as error:
            log.error("leaving the group", topics=self.topics, error=str(error))  # noqa: TRY400  the group finds out

    def _unsubscribe(self, until: float) -> None:
        if not self._unsubscribes:
            return
        self._consumer.unsubscribe()
        while self._consumer.memberid() and time.monotonic() < until:
            self._consumer.consume(1, SERVE_SECONDS)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignment.on_assign(consumer, partitions)
        self._observed.rebalanced("assigned", self.topics)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignment.on_revoke(consumer, partitions)
        self._observed.rebalanced("revoked", self.topics)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignment.on_lost(consumer, partitions)
        self._observed.rebalanced("lost", self.topics)


def fetch(consumer: Consumer, patience: float) -> list[Message]:
    """Up to ``BATCH_RECORDS`` records, or ``BATCH_BYTES`` and a little more of them.

    Waits ``patience`` seconds for the first. ``consume`` returns one chunk, so it is called until there is none.
    """
    deadline = time.monotonic() + FILL_SECONDS
    found: list[Message] = consumer.consume(SLICE_RECORDS, patience)
    size = sum(map(len, found))
    while found and len(found) < BATCH_RECORDS and size < BATCH_BYTES and time.monotonic() < deadline:
        more = consumer.consume(SLICE_RECORDS, 0.005)
        if not more:
            break
        found += more
        size += sum(map(len, more))
    return found


def memberships(settings: Settings) -> list[tuple[str, ...]]:
    """The topics of each member of a worker: points 1 and 2. Raises ConfigurationError as ``strategy_settings``."""
    both = (settings.topics.actions, settings.topics.accounts)
    return [both] if is_eager(settings) else [(topic,) for topic in both]


def consumer_settings(settings: Settings, topics: tuple[str, ...]) -> dict[str, Any]:
    """Ours where `[kafka]` says nothing. Raises ConfigurationError."""
    ours = {**CONSUMER_SETTINGS, "client.id": f"{socket.gethostname()}-{os.getpid()}"}  # shown as a partition's owner
    chosen = {key: value for key, value in ours.items() if key not in settings.kafka}
    if _INSTANCE in settings.kafka:  # of two static members of one name each would throw the other out
        chosen[_INSTANCE] = "-".join((settings.kafka[_INSTANCE], *topics))
    return {**chosen, "group.id": settings.group_id, **strategy_settings(settings)}
