"""What lies in the rejects topic, by the record that it tells of; read on and on, nothing twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from confluent_kafka import Message

from tests.faults.checker.slots import Place
from tests.faults.checker.topics import Topics


def fingerprint(key: bytes | None, value: bytes | None) -> bytes:
    """Stands for the bytes of a record."""
    of_key, of_value = (b"" if part is None else b"+" + part for part in (key, value))
    return blake2b(len(of_key).to_bytes(4, "little") + of_key + of_value, digest_size=12).digest()


@dataclass(frozen=True)
class Ends:
    """Where the rejects topic ended: which topic of that name it was, and the end of each partition."""

    topic: int
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """One record of the rejects topic."""

    source: Place
    offset: int
    reason: str
    print: bytes
    topic: int
    partition: int
    position: int

    def before(self, ends: Ends) -> bool:
        """Whether it was there when the topic ended so."""
        if self.topic != ends.topic:
            return self.topic < ends.topic
        return self.partition < len(ends.offsets) and self.position < ends.offsets[self.partition]


class Rejected:
    """See the module. Raises KafkaException where the broker gives no answer."""

    def __init__(self, topics: Topics, topic: str) -> None:
        self._topics, self._topic = topics, topic
        self._ids: list[str] = []
        self._read: dict[int, int] = {}
        self._reading = 0
        self._copies: dict[Place, dict[int, list[Copy]]] = {}
        self.unreadable: list[str] = []

    def ends(self, seconds: float = 5.0) -> Ends | None:
        """Where the topic ends now, None where there is none."""
        found = self._topics.described([self._topic], seconds).get(self._topic)
        if found is None:
            return None
        topic_id, count = found
        if topic_id not in self._ids:
            self._ids.append(topic_id)
        places = [(self._topic, partition) for partition in range(count)]
        ends = self._topics.ends(places, seconds=seconds)
        return Ends(self._ids.index(topic_id), tuple(ends[place] for place in places))

    def read_on(self) -> list[Copy]:
        """What is new; from its start where the topic was made anew."""
        ends = self.ends()
        if ends is None:
            return []
        if ends.topic != self._reading:
            self._reading, self._read = ends.topic, {}
        legs = {
            (self._topic, partition): (self._read.get(partition, 0), end) for partition, end in enumerate(ends.offsets)
        }
        fresh = [
            copy
            for _, messages in self._topics.read(legs)
            for message in messages
            for copy in self._understood(message, ends.topic)
        ]
        self._read = dict(enumerate(ends.offsets))
        for copy in fresh:
            self._copies.setdefault(copy.source, {}).setdefault(copy.offset, []).append(copy)
        return fresh

    def copies(self, source: Place, offset: int) -> list[Copy]:
        """All that tell of this record."""
        return self._copies.get(source, {}).get(offset, [])

    def _understood(self, message: Message, topic: int) -> Iterator[Copy]:
        said = dict(message.headers() or ())
        partition, position = message.partition() or 0, message.offset() or 0
        try:
            texts = {name: part.decode() for name, part in said.items()}  # type: ignore[union-attr]
            source, offset = (texts["topic"], int(texts["partition"])), int(texts["offset"])
            reason, _ = texts["reason"], texts["detail"]
        except (KeyError, ValueError, AttributeError) as error:
            self.unreadable.append(f"{self._topic}/{partition} at {position}: {error!r} in its headers {said}")
            return
        found = fingerprint(message.key(), message.value())
        yield Copy(source, offset, reason, found, topic, partition, position)
