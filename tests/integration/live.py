"""Workers in threads of the test, on real services, and what the test sees of them: their log, their slots."""

import gc
import json
import secrets
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import redis
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError, Exit, Unavailable
from schemas.settings import Settings, load_settings
from store import layout, tables, vectors
from store.committed import Committed
from store.connect import connect_redis, kafka_admin
from store.layout import STATE_ID_BYTES, Header, SlotName
from store.patience import ask_patiently
from store.redo import encode_redo
from store.slots import Answer, SlotStore
from stream.worker import run_worker
from tests import support
from tests.support import PATIENCE_SECONDS, wait_until

DAY = "2025-06-30"
_END_SECONDS = 90.0


def action(account: str = "acme", day: str = DAY, minute: int = 0, **fields: str) -> bytes:
    """An action of the user `u` at that minute of the day."""
    value = {"account_id": account, "action": "click", "user_id": "u", "timestamp": f"{day}T10:{minute:02}:00Z"}
    return json.dumps(value | fields).encode()


class Worker:
    """`run_worker` in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self.exit: Exit | None = None
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            self.exit = run_worker(self._settings, self._stop)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        finally:
            gc.enable()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop it as a signal would, whatever comes of it."""
        self._stop.set()
        self._thread.join(_END_SECONDS)
        assert not self.alive, "the worker does not end"

    def stop(self) -> Exit:
        """Stop it and return its exit code; fails the test where it raised instead."""
        self.end()
        if self.error is not None:
            raise self.error
        assert self.exit is not None
        return self.exit


@dataclass(frozen=True)
class Live:
    """One system: its topics, its slots, what its workers say."""

    env: Mapping[str, str]
    log: list[MutableMapping[str, Any]]
    changed: Mapping[str, str] = field(default_factory=dict)

    def given(self, **changes: str) -> "Live":
        """The same system with other settings, by the names they have in the environment."""
        return Live(self.env, self.log, {**self.changed, **changes})

    @property
    def environment(self) -> dict[str, str]:
        return {**self.env, **self.changed}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    @property
    def client(self) -> redis.Redis:
        return connect_redis(self.settings)

    @property
    def admin(self) -> AdminClient:
        return kafka_admin(self.settings)

    @property
    def committed(self) -> Mapping[SlotName, int]:
        """What the group committed in Kafka for the first slot."""
        with closing(Committed(self.settings)) as group:
            return ask_patiently(lambda: group.offsets([self.slot()]))

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """A worker that is stopped at the end of the block, if it still runs."""
        worker = Worker(self.settings)
        worker.start()
        try:
            yield worker
        finally:
            worker.end()
            if worker.error is not None:
                print("the worker ended with:", *traceback.format_exception(worker.error))

    def refused(self) -> EngagementError:
        """The error that a worker ends with by itself."""
        with self.worker() as worker:
            wait_until(lambda: not worker.alive, _END_SECONDS, "the end of the worker")
        assert isinstance(worker.error, EngagementError), (worker.error, worker.exit)
        return worker.error

    @property
    def members(self) -> int:
        """Of the group: one for each worker and topic, with an eager strategy one for each worker."""
        group_id, admin = self.settings.group_id, self.admin  # the client must live until it has answered
        try:
            return len(admin.describe_consumer_groups([group_id])[group_id].result(timeout=60).members)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise

    def wait_left(self) -> None:
        """Wait until the group has no member: it may miss a worker that has ended only by the session's end."""
        wait_until(lambda: not self.members, what="a group without members")

    def commit(self, offset: int) -> None:
        """Have the group's committed offset of the first slot be this one, which only a group without members takes."""
        self.wait_left()
        admin, group_id = self.admin, self.settings.group_id
        request = ConsumerGroupTopicPartitions(group_id, [TopicPartition(self.slot().topic, 0, offset)])
        done = admin.alter_consumer_group_offsets([request])[group_id].result(timeout=60)
        assert not any(place.error for place in done.topic_partitions), done.topic_partitions

    @staticmethod
    def new_state_id() -> bytes:
        return secrets.token_bytes(STATE_ID_BYTES)

    def slot(self, partition: int = 0, topic: str = "actions") -> SlotName:
        return SlotName(self.settings.topic_prefix + topic, partition)

    def topics(self, actions: int = 1, accounts: int = 1, rejects: int = 1, **config: str) -> None:
        prefix, kafka = self.settings.topic_prefix, self.settings.kafka_bootstrap_servers
        partitions = {prefix + "actions": actions, prefix + "accounts": accounts, prefix + "rejects": rejects}
        support.create_topics(kafka, partitions, {name.replace("_", "."): value for name, value in config.items()})

    def produce(self, values: Iterable[bytes], partition: int = 0, topic: str = "actions") -> None:
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            failures.extend([error] if error else [])

        producer = Producer(
            {"bootstrap.servers": self.settings.kafka_bootstrap_servers, "message.max.bytes": 20_000_000}
        )
        name = self.slot(partition, topic)
        for value in values:
            producer.produce(name.topic, value=value, partition=partition, on_delivery=delivered)
        assert producer.flush(60) == 0
        assert not failures, failures

    def header(self, partition: int = 0, topic: str = "actions") -> Header | None:
        """What Redis holds of a slot; None also where Redis does not answer."""
        try:
            record = SlotStore(self.client).stored(self.slot(partition, topic))
        except Unavailable:
            return None
        return record.header if record else None

    def next_offset(self, partition: int = 0, topic: str = "actions") -> int | None:
        header = self.header(partition, topic)
        return header.next_offset if header else None

    def wait_stored(self, offset: int, partition: int = 0, topic: str = "actions") -> None:
        """Wait until Redis holds everything below `offset`."""
        wait_until(lambda: self.next_offset(partition, topic) == offset, what=f"offset {offset} of {topic}/{partition}")

    def wait_settled(self) -> None:
        """Wait until the worker, the only one, has stored the slot of accounts too, which holds no records yet.

        Its members join one after the other, so the actions may be counted for seconds before the accounts are loaded.
        """
        self.wait_stored(0, topic="accounts")

    def counts(self, partition: int = 0) -> dict[str, int]:
        """Actions by account, of all days, as a reader finds them in the slot."""
        needed = (layout.ACCOUNTS, layout.name_lengths(layout.ACCOUNTS), layout.SERIES)
        found = SlotStore(self.client).snapshot(self.slot(partition), lambda header: {*header.lengths, *needed})
        if found is None:
            return {}
        strings = {name: bytes(data) for name, data in found.strings.items()}
        accounts = tables.names(strings[layout.ACCOUNTS], strings[layout.name_lengths(layout.ACCOUNTS)])
        series = tables.pairs(strings[layout.SERIES])
        days = [name for name in strings if name.startswith("count:")]
        by_series = sum((vectors.cells(strings[day], len(series)) for day in days), np.zeros(len(series), np.uint32))
        counted: dict[str, int] = {}
        for (account, _), count in zip(series.tolist(), by_series.tolist(), strict=True):
            counted[accounts[account]] = counted.get(accounts[account], 0) + count
        return counted

    def assert_counted(self, expected: Mapping[str, int], partition: int = 0) -> None:
        header = self.header(partition)
        assert header is not None
        assert self.counts(partition) == dict(expected)
        assert header.counted == sum(expected.values())

    def said(self, event: str, **fields: object) -> list[MutableMapping[str, Any]]:
        """The log lines of that event whose fields hold these texts."""
        return [
            line
            for line in list(self.log)
            if line["event"] == event and all(str(value) in str(line.get(name)) for name, value in fields.items())
        ]

    def wait_said(self, event: str, times: int = 1, seconds: float = PATIENCE_SECONDS, **fields: object) -> None:
        wait_until(lambda: len(self.said(event, **fields)) >= times, seconds, f"the log line {event!r} {fields}")

    def write(self, header: Header, partition: int = 0, topic: str = "actions") -> None:
        """Make this the header of a slot, as another worker's checkpoint would; its strings stay."""
        store, slot = SlotStore(self.client), self.slot(partition, topic)
        stored = store.stored(slot)
        record = encode_redo(self.new_state_id(), header, (), stored.header if stored else None)
        assert store.checkpoint(slot, stored, record) is Answer.APPLIED
