"""A real exporter in a thread, what it answers, and the truth about lag that is computed beside it from the log."""

import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=30) as answer:
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
            self._thread.join(30)
            assert not self._thread.is_alive()


@contextmanager
def exporter(live: Live) -> Iterator[Exporter]:
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
        """Of every sample and partition: the distance from the truth (before, after, or between), and the truth."""
        records = committed_records(self.live, self.samples[-1][2].bounds)
        found: list[tuple[float, float]] = []
        for before, values, after in self.samples:
            for slot, value in values.items():
                truths = sorted(age(records[slot], slot, moment) for moment in (before, after))
                found.append((max(truths[0] - value, value - truths[1], 0.0), max(truths)))
        return found


def age(records: Sequence[tuple[int, int]], slot: SlotName, moment: Moment) -> float:
    """Of the oldest record from the stored offset on that could be read at the moment; 0 without one."""
    stored, end = moment.stored.get(slot, 0), moment.bounds[slot].end
    waiting = [timestamp for offset, timestamp in records if stored <= offset < end]
    return max(0.0, moment.at - min(waiting) / 1000) if waiting else 0.0


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
