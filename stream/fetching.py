"""Which partitions the consumer fetches, and how it is told so under the group's protocol.

With cooperative-sticky, and with the consumer protocol of Kafka 4 (KIP-848), partitions come and go one by one, and a
reload of one does not disturb the others. With an eager strategy (range, roundrobin) librdkafka takes whole assignments
only: to add one partition, all are assigned anew where they stand, and a rebalance takes all of them away first.
"""

import abc
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet

from confluent_kafka import Consumer, TopicPartition

from schemas.exits import ConfigurationError
from schemas.settings import Settings
from store.layout import SlotName

INCREMENTAL = "cooperative-sticky"
EAGER = frozenset({"range", "roundrobin"})
_STRATEGY = "partition.assignment.strategy"

Start = Callable[[SlotName], TopicPartition]
"""Where to read a partition on."""


class Fetching(abc.ABC):
    """The partitions that records may arrive for. Raises KafkaException and RuntimeError of the consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._paused: set[SlotName] = set()
        self.names: set[SlotName] = set()

    @abc.abstractmethod
    def acknowledge(self) -> None:
        """Tell the consumer that its callback was dealt with, though nothing is fetched yet."""

    @abc.abstractmethod
    def add(self, name: SlotName, start: Start) -> None:
        """Fetch this partition as well; ``start`` must answer for all that are fetched."""

    @abc.abstractmethod
    def _drop(self, names: AbstractSet[SlotName], start: Start) -> None: ...

    def remove(self, names: Iterable[SlotName], start: Start) -> None:
        """Fetch these no longer. They are resumed first: they would come back paused, as librdkafka keeps that."""
        going = self.names.intersection(names)
        self.names -= going
        try:
            self._resume(self._paused & going)
        finally:
            self._drop(going, start)

    def commit(self, offsets: list[TopicPartition], *, wait: bool) -> None:
        """Tell Kafka how far partitions are counted, for lag tools."""
        if wait:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        else:
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def pause_only(self, names: Collection[SlotName]) -> None:
        """Of the partitions that are fetched, hold up these and no others."""
        wanted = self.names.intersection(names)
        pause = wanted - self._paused
        if pause:
            self._consumer.pause(places(pause))
        self._resume(self._paused - wanted)
        self._paused = wanted

    def _resume(self, names: AbstractSet[SlotName]) -> None:
        if names:
            self._paused = self._paused - names
            self._consumer.resume(places(names))


class Incremental(Fetching):
    """Partitions are assigned and taken away one by one."""

    def acknowledge(self) -> None:
        """See ``Fetching``."""
        self._consumer.incremental_assign([])

    def add(self, name: SlotName, start: Start) -> None:
        """See ``Fetching``."""
        self._consumer.incremental_assign([start(name)])
        self.names.add(name)

    def _drop(self, names: AbstractSet[SlotName], start: Start) -> None:  # noqa: ARG002  the others go on by themselves
        self._consumer.incremental_unassign(places(names))


class Eager(Fetching):
    """Every change assigns all partitions anew, each where it stands."""

    def acknowledge(self) -> None:
        """See ``Fetching``."""
        self._consumer.assign([])

    def add(self, name: SlotName, start: Start) -> None:
        """See ``Fetching``."""
        self._consumer.assign([start(one) for one in sorted(self.names | {name})])
        self.names.add(name)

    def _drop(self, names: AbstractSet[SlotName], start: Start) -> None:
        if self.names:
            self._consumer.assign([start(one) for one in sorted(self.names)])
        elif names:
            self._consumer.unassign()


def strategy_settings(settings: Settings) -> dict[str, str]:
    """The assignment strategy to ask for. Raises ConfigurationError for a mixture of both kinds."""
    if settings.kafka.get("group.protocol", "").lower() == "consumer":  # librdkafka takes any case
        return {}  # the broker assigns, one by one
    chosen = settings.kafka.get(_STRATEGY, INCREMENTAL)
    names = {name.strip() for name in chosen.split(",")}
    if names != {INCREMENTAL} and not names <= EAGER:
        message = f"[kafka] {_STRATEGY} is {chosen}; use {INCREMENTAL}, or range, roundrobin or both of these"
        raise ConfigurationError(message)
    return {_STRATEGY: chosen}


def is_eager(settings: Settings) -> bool:
    """Whether a rebalance takes all partitions away first. Raises ConfigurationError as ``strategy_settings``."""
    return strategy_settings(settings).get(_STRATEGY, INCREMENTAL) != INCREMENTAL


def fetching(consumer: Consumer, settings: Settings) -> Fetching:
    """The way of fetching that fits the group's protocol."""
    return Eager(consumer) if is_eager(settings) else Incremental(consumer)


def places(names: Iterable[SlotName]) -> list[TopicPartition]:
    """The same partitions as the consumer names them."""
    return [TopicPartition(name.topic, name.partition) for name in names]
