"""What the worker asks of Kafka beside records: topic ids, log bounds, traces of earlier counting."""

from collections.abc import Collection

from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from store.layout import SlotName
from store.offsets import committed, log_bounds, topic_ids
from store.runs import newest_manifest
from stream.guard import Surroundings


class Broker:
    """Answers about slots. Raises ``Unavailable`` where there is no answer."""

    def __init__(self, admin: AdminClient, settings: Settings) -> None:
        self._admin = admin
        self._settings = settings

    def surroundings(
        self, slots: Collection[SlotName], without_header: Collection[SlotName]
    ) -> dict[SlotName, Surroundings]:
        """What Kafka says about ``slots``; of ``without_header`` among them also whether they were counted before."""
        topics = sorted({slot.topic for slot in slots})
        ids = topic_ids(self._admin, topics)
        bounds = log_bounds(self._admin, topics)
        offsets = committed(self._admin, self._settings.group_id, without_header)
        manifest = newest_manifest(self._settings) if without_header else None
        published = manifest.inputs if manifest else {}
        return {
            slot: Surroundings(
                ids[slot.topic],
                bounds[slot],
                offsets.get(slot) if slot in without_header else None,
                published.get(str(slot)) if slot in without_header else None,
            )
            for slot in slots
        }
