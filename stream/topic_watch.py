"""Notices that a topic was made anew while it is read: a consumer then goes on at the old offset, without a word."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient, TopicDescription

from schemas.exits import Blocked
from store import obstacles
from store.layout import SlotName

if TYPE_CHECKING:
    from concurrent.futures import Future

WATCH_SECONDS = 3.0


class TopicWatch:
    """Asks Kafka for topic ids from time to time and never waits for the answer."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin
        self._asked_at = -math.inf
        self._answers: Mapping[str, Future[TopicDescription]] = {}

    def look(self, counted_from: Mapping[SlotName, str], now: float) -> dict[SlotName, Blocked]:
        """Compare the topic ids that slots are counted from with those there are; the error of each that differs.

        Silence and errors of Kafka, a missing topic among them, are the consumer's business.
        """
        self._admin.poll(0)  # what the client says of itself would wait in memory otherwise
        blocked: dict[SlotName, Blocked] = {}
        if self._answers and all(answer.done() for answer in self._answers.values()):
            answers, self._answers = self._answers, {}
            found = {topic: str(one.result().topic_id) for topic, one in answers.items() if one.exception() is None}
            for slot, topic_id in counted_from.items():
                other = obstacles.of_topic(slot, topic_id, found.get(slot.topic, topic_id))
                if other is not None:
                    blocked[slot] = other.blocked()
        if not self._answers and counted_from and now - self._asked_at >= WATCH_SECONDS:
            self._asked_at = now
            self._answers = self._admin.describe_topics(TopicCollection(sorted({one.topic for one in counted_from})))
        return blocked
