"""The engine as its users meet it: its two commands as processes, and the topics they read and write."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import IO

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.acceptance.oracle import AccountRecord, Figures, Json
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 120.0
"""Longer than the longest wait of a command for its input, with what a busy machine adds to it."""
STOP_SECONDS = 40.0
"""A worker's own limits come to 20 s; the rest is for a machine that lets it wait."""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[Figures]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The one line on stderr; fails where it says more or less than that."""
        assert "Traceback" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, f"exit {self.code}, stderr:\n{self.err}"
        return lines[0]


@dataclass(frozen=True)
class Put:
    """A record to be produced; partition -1 leaves the choice to the producer, timestamp 0 to the broker."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = -1
    timestamp: int = 0


@dataclass(frozen=True)
class Engine:
    """One system of its own (topic prefix) on shared services."""

    env: Mapping[str, str]
    logs: Path
    started: list[str] = field(default_factory=list)
    root: Path = ROOT
    """The tree whose commands are run."""

    @property
    def prefix(self) -> str:
        return self.env["ENGAGEMENT_TOPIC_PREFIX"]

    @property
    def kafka(self) -> str:
        return self.env["KAFKA_BOOTSTRAP_SERVERS"]

    def with_env(self, **changes: str) -> "Engine":
        return replace(self, env={**self.env, **changes})

    def without_env(self, name: str) -> "Engine":
        return replace(self, env={one: value for one, value in self.env.items() if one != name})

    def out_of(self, root: Path) -> "Engine":
        """The same with the commands of another tree."""
        return replace(self, root=root)

    def start(
        self, module: str, *args: str, stdout: int | IO[bytes], stderr: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *args]
        return subprocess.Popen(
            command, cwd=self.root, env=dict(self.env), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )

    def call(self, module: str, *args: str, seconds: float = COMMAND_SECONDS) -> Finished:
        process = self.start(module, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{module} {' '.join(args)} took over {seconds} s; stderr:\n{err.decode()}") from None
        return Finished(process.returncode, out.decode(), err.decode())

    def stream(self, *args: str, seconds: float = COMMAND_SECONDS) -> Finished:
        return self.call("stream.cli", *args, seconds=seconds)

    def jobs(self, *args: str, seconds: float = COMMAND_SECONDS) -> Finished:
        return self.call("jobs.cli", *args, seconds=seconds)

    def create_topics(self, partitions: int) -> None:
        finished = self.stream("topics", "--create", "--partitions", str(partitions))
        assert finished.code == 0, finished.err

    def daily(self, as_of: str, *args: str, seconds: float = COMMAND_SECONDS) -> list[Figures]:
        """What the daily job prints for this day, the records of the run."""
        finished = self.jobs("daily", "--as-of", as_of, "--output", "json", *args, seconds=seconds)
        assert finished.code == 0, finished.err + self.worker_logs()
        return finished.records

    def start_worker(self, *args: str) -> subprocess.Popen[bytes]:
        log = self.logs / f"worker-{len(self.started)}.log"
        self.started.append(log.name)
        with log.open("wb") as file:
            return self.start("stream.cli", "run", *args, stdout=file, stderr=file)

    def worker_logs(self) -> str:
        tails = (f"{name}: {(self.logs / name).read_text(errors='replace')[-3000:]}" for name in self.started[-4:])
        return "\n".join(["", *tails])

    @contextmanager
    def workers(self, count: int, *args: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """`count` workers that must live until the end of the block and then stop cleanly when they are told to."""
        with ExitStack() as stack:
            before = len(self.started)
            running = [stack.enter_context(self.start_worker(*args)) for _ in range(count)]
            logs = [self.logs / name for name in self.started[before:]]
            try:
                yield running
                # Until it says something it has no handler for SIGTERM, and would end as Python does.
                said = dict(zip(running, logs, strict=True))
                wait_until(
                    lambda: all(log.stat().st_size or one.poll() is not None for one, log in said.items()),
                    what="workers that say something",
                )
                assert all(process.poll() is None for process in running), "a worker ended" + self.worker_logs()
                for process in running:
                    process.send_signal(signal.SIGTERM)
                codes = [process.wait(STOP_SECONDS) for process in running]
                assert codes == [0] * count, self.worker_logs()
            finally:
                for process in running:
                    if process.poll() is None:
                        process.kill()


def known(records: Iterable[Figures], besides: Collection[str] = ()) -> dict[str, Figures]:
    """Score records by account, without what no oracle can know and what stands in `besides`."""
    left_out = {"run_id", "revision", *besides}
    return {
        str(record["account_id"]): {name: part for name, part in record.items() if name not in left_out}
        for record in records
    }


def assert_equal_figures(
    found: Iterable[Figures], expected: Mapping[str, Figures], besides: Collection[str] = ()
) -> None:
    """Fails where the records are not the expected ones, field by field; `besides` are fields not looked at."""
    by_account = known(found, besides)
    wrong = [(by_account.get(name), expected.get(name)) for name in sorted(by_account.keys() | expected.keys())]
    wrong = [(one, other) for one, other in wrong if one != other]
    assert not wrong, f"{len(wrong)} accounts differ; (found, expected): {wrong[:3]}"


def compact(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def action_puts(prefix: str, actions: Iterable[Json], *, keyed: bool = True) -> list[Put]:
    topic = prefix + "actions"
    return [Put(topic, str(one["account_id"]).encode() if keyed else None, compact(one)) for one in actions]


def account_puts(prefix: str, records: Iterable[AccountRecord]) -> list[Put]:
    topic = prefix + "accounts"
    return [Put(topic, one.account_id.encode(), None if one.value is None else compact(one.value)) for one in records]


def produce(kafka: str, puts: Sequence[Put], *, batches: Random | None = None) -> list[tuple[str, int, int]]:
    """Produces in order, in batches of random size where `batches` is given; says where each came to lie.

    Records without a key and a partition go to any partition, each anew.
    """
    places: list[tuple[str, int, int]] = [("", -1, -1)] * len(puts)
    failures: list[KafkaError] = []
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "enable.idempotence": True,
            "linger.ms": 5 if batches is None else 0,
            "message.max.bytes": 8_000_000,
            "sticky.partitioning.linger.ms": 0,
        }
    )

    def remember(position: int) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error)
                return
            places[position] = (str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))

        return delivered

    left = 0
    for position, put in enumerate(puts):
        if batches is not None and left == 0:
            producer.flush(30)
            left = int(5 * batches.paretovariate(0.6))
        left -= 1
        producer.produce(
            put.topic,
            value=put.value,
            key=put.key,
            partition=put.partition,
            timestamp=put.timestamp,
            on_delivery=remember(position),
        )
        producer.poll(0)
    assert producer.flush(60) == 0
    assert not failures, failures[:3]
    return places


def read_topic(kafka: str, topic: str, *, isolation: str = "read_committed") -> list[Message]:
    """All records of a topic as a new subscriber sees them now, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "reader-of-tests",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 8_000_000,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        return sorted(until_ends(consumer, len(partitions)), key=lambda m: (m.partition() or 0, m.offset() or 0))
    finally:
        consumer.close()


def until_ends(consumer: Consumer, partitions: int) -> list[Message]:
    messages: list[Message] = []
    ended: set[int | None] = set()
    deadline = time.monotonic() + 30
    while len(ended) < partitions:
        assert time.monotonic() < deadline, "a topic could not be read to its end: nothing came for 30 s"
        message = consumer.poll(1.0)
        if message is None:
            continue
        deadline = time.monotonic() + 30
        error = message.error()
        if error is None:
            messages.append(message)
        else:
            assert error.code() == KafkaError._PARTITION_EOF, error  # noqa: SLF001  the driver's own name for it
            ended.add(message.partition())
    return messages
