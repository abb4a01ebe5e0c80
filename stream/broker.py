"""What the worker asks of Kafka beside records: topic ids, log bounds, traces of earlier counting."""

from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.exits import Blocked, Unavailable
from schemas.settings import Settings
from store.committed import Committed
from store.layout import Header, SlotName
from store.offsets import log_bounds, topic_ids
from store.runs import newest_manifest
from stream.guard import Surroundings
from stream.probe import truncated
from stream.topic_watch import TopicWatch

REACH_SECONDS = 3.0


class Broker:
    """Answers about slots. Raises ``Unavailable`` where there is no answer."""

    def __init__(self, admin: AdminClient, settings: Settings) -> None:
        self._admin = admin
        self._settings = settings
        self._watch = TopicWatch(admin)

    def watch(self, counted_from: Mapping[SlotName, str], now: float) -> dict[SlotName, Blocked]:
        """The slots whose topic was made anew since; see ``TopicWatch``."""
        return self._watch.look(counted_from, now)

    def surroundings(self, headers: Mapping[SlotName, Header | None]) -> dict[SlotName, Surroundings]:
        """What Kafka says about these slots; of those without a header also whether they were counted before."""
        topics = sorted({slot.topic for slot in headers})
        self._reach(topics[0])
        ids = topic_ids(self._admin, topics)
        bounds = log_bounds(self._admin, topics)
        unknown = [str(slot) for slot in headers if slot not in bounds]
        if unknown:  # a partition was added, and the broker that answered has not heard of it
            raise Unavailable(f"Kafka does not know {', '.join(unknown)} yet")
        fresh = [slot for slot, header in headers.items() if header is None]
        with closing(Committed(self._settings)) as group:
            offsets = group.offsets(fresh)
        manifest = newest_manifest(self._settings) if fresh else None
        published = {slot: manifest.inputs.get(str(slot)) for slot in fresh} if manifest else {}
        gone = truncated(self._settings, {slot: header for slot, header in headers.items() if header is not None})
        return {
            slot: Surroundings(ids[slot.topic], bounds[slot], offsets.get(slot), published.get(slot), slot in gone)
            for slot in headers
        }

    def _reach(self, topic: str) -> None:
        """Ask a quick question before long ones: a worker told to stop while Kafka hangs must not wait for those."""
        try:
            self._admin.list_topics(topic, timeout=REACH_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"Kafka gave no answer within {REACH_SECONDS:g} s: {error.args[0].str()}") from error
