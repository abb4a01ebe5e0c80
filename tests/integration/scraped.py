"""A real exporter in a thread, what it answers, and the truth about lag that is computed beside it from the log."""

import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from confluent_kafka import KafkaError, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin, kafka_consumer
from store.layout import SlotName
from store.offsets import LogBounds, log_bounds
from store.slots import SlotStore
from stream.exporter import run_exporter
from stream.observer import Observer
from stream.serving import Address
from tests.integration.live import Live

Labels = Mapping[str, str]
PATIENT = {
    "stream.exporter.SCRAPE_SECONDS": 60.0,
    "store.group_logs.ANSWER_SECONDS": 30.0,
    "store.committed.ANSWER_SECONDS": 30.0,
    "store.record_times.READ_SECONDS": 30.0,
}
"""On a busy machine: so long a scrape waits for its look, and a look for each answer. What took longer is not known."""


class Exporter:
    """As `engagement-stream exporter` runs it, on a port that is free."""

    def __init__(self, settings: Settings) -> None:
        self._stop, self._bound = threading.Event(), threading.Event()
        self._address = Address("", 0)
        observer = Observer(lambda: kafka_admin(settings), connect_redis(settings), settings)

        def bound(address: Address) -> None:
            self._address = address
            self._bound.set()

        self._thread = threading.Thread(
            target=run_exporter,
            args=(observer, settings, Address("127.0.0.1", 0), self._stop),
            kwargs={"bound": bound},
            daemon=True,
        )

    def get(self, path: str = "/metrics") -> str:
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=90) as answer:
            text: str = answer.read().decode()
            return text

    def scrape(self) -> dict[str, list[tuple[Labels, float]]]:
        """Values with their labels, by name of the metric."""
        found: dict[str, list[tuple[Labels, float]]] = {}
        for family in text_string_to_metric_families(self.get()):
            for one in family.samples:
                found.setdefault(one.name, []).append((one.labels, one.value))
        return found

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one sample with these labels, None where there is none."""
        found = [value for given, value in self.scrape().get(name, []) if labels.items() <= given.items()]
        assert len(found) <= 1, (name, labels, found)
        return found[0] if found else None

    def status(self, slot: SlotName) -> str | None:
        rows = self.scrape().get("engagement_partition_status", [])
        mine = [labels["status"] for labels, value in rows if value and _slot(labels) == slot]
        return mine[0] if mine else None

    @contextmanager
    def running(self) -> Iterator["Exporter"]:
        self._thread.start()
        assert self._bound.wait(30)
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(90)
            assert not self._thread.is_alive()


@contextmanager
def exporter(live: Live, *, patient: bool = True) -> Iterator[Exporter]:
    """Without patience where Kafka is to be missed."""
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in PATIENT.items() if patient else ():
            patch.setattr(name, seconds)
        with Exporter(live.settings).running() as running:
            yield running


def _slot(labels: Labels) -> SlotName:
    return SlotName(labels["topic"], int(labels["partition"]))


@dataclass(frozen=True)
class Moment:
    """What Redis and Kafka hold at about one time."""

    at: float
    stored: Mapping[SlotName, int]
    bounds: Mapping[SlotName, LogBounds]


@dataclass
class Comparison:
    """Scrapes between two moments each, to be held against the record timestamps once the log is complete."""

    live: Live
    exporter: Exporter
    samples: list[tuple[Moment, Mapping[SlotName, float], Moment]] = field(default_factory=list)

    def moment(self) -> Moment:
        topic, store = self.live.slot().topic, SlotStore(self.live.client)
        bounds = log_bounds(self.live.admin, [topic])
        stored = {slot: record.header.next_offset for slot in bounds if (record := store.stored(slot)) is not None}
        return Moment(time.time(), stored, log_bounds(self.live.admin, [topic]))

    def sample(self) -> None:
        before = self.moment()
        rows = self.exporter.scrape().get("engagement_partition_lag_seconds", [])
        mine = {slot: value for labels, value in rows if (slot := _slot(labels)) in before.bounds}
        assert mine.keys() == before.bounds.keys(), "the lag of some partition is unknown"
        self.samples.append((before, mine, self.moment()))

    def errors(self) -> list[tuple[float, float]]:
        """Of every sample and partition: the distance from what may be true of it, and the most of that.

        A slot stands at the least where it stood before, at the most where it stood after, and a log ends likewise: so
        the figure has bounds that hold however long the scrape took.
        """
        records = committed_records(self.live, self.samples[-1][2].bounds)
        found: list[tuple[float, float]] = []
        for before, values, after in self.samples:
            for slot, value in values.items():
                least = age(records[slot], after.stored.get(slot, 0), before.bounds[slot].end, before.at)
                most = age(records[slot], before.stored.get(slot, 0), after.bounds[slot].end, after.at)
                found.append((max(least - value, value - most, 0.0), most))
        return found


def age(records: Sequence[tuple[int, int]], stored: int, end: int, at: float) -> float:
    """Of the oldest record from the stored offset on that is before the end; 0 without one."""
    waiting = [timestamp for offset, timestamp in records if stored <= offset < end]
    return max(0.0, at - min(waiting) / 1000) if waiting else 0.0


def committed_records(live: Live, bounds: Mapping[SlotName, LogBounds]) -> dict[SlotName, list[tuple[int, int]]]:
    """Offset and timestamp of every record that a reader of committed records gets, all logs to their ends."""
    wanted = {"group.id": live.settings.topic_prefix + "truth", "enable.partition.eof": True}
    consumer = kafka_consumer(live.settings, **wanted)
    consumer.assign([TopicPartition(slot.topic, slot.partition, log.start) for slot, log in bounds.items()])
    found: dict[SlotName, list[tuple[int, int]]] = {slot: [] for slot in bounds}
    unread = set(bounds)
    while unread:
        for message in consumer.consume(10_000, 1.0):
            slot, error = SlotName(message.topic() or "", message.partition() or 0), message.error()
            if error is None:
                found[slot].append((message.offset() or 0, message.timestamp()[1]))
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error  # noqa: SLF001  librdkafka's public name
                unread.discard(slot)
    consumer.close()
    return found
