"""The worker's consumer, with a record of what it is asked and of what it has handed out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from store import connect
from store.layout import SlotName


class Watched(Consumer):
    """A consumer that writes down pauses, and the records that are taken: those before the newest call of `consume`."""

    asked: ClassVar[list[tuple[str, SlotName]]] = []
    taken: ClassVar[list[tuple[SlotName, int]]] = []
    """With their offset."""
    _handed_out: tuple[Message, ...] = ()

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        places = list(partitions)
        self.asked.extend(("pause", _slot(place)) for place in places)
        super().pause(places)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        places = list(partitions)
        self.asked.extend(("resume", _slot(place)) for place in places)
        super().resume(places)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        records = [one for one in self._handed_out if one.error() is None]
        self.taken.extend((SlotName(one.topic() or "", one.partition() or 0), one.offset() or 0) for one in records)
        messages = super().consume(num_messages, timeout)
        self._handed_out = tuple(messages)
        return messages


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Watched]]:
    """Let workers have such consumers; what they write down starts empty."""
    with monkeypatch.context() as patched:
        patched.setattr(connect, "Consumer", Watched)
        Watched.asked.clear()
        Watched.taken.clear()
        yield Watched


def _slot(place: TopicPartition) -> SlotName:
    return SlotName(place.topic, place.partition)
