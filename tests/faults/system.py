"""One system under fire: servers that may die, workers that may be killed, a feed that never ends, and the checker."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from services.kafka import LocalKafka
from services.redis import LocalRedis
from tests.acceptance.engine import ROOT, STOP_SECONDS, Engine
from tests.faults.build import REACHED, Build
from tests.faults.checker import Checker, Report, Rules, RunChecker
from tests.faults.feed import Feed
from tests.faults.feeding import Plan
from tests.faults.plain_runs import expected_run
from tests.faults.processes import Process, Processes
from tests.faults.proxy import RedisProxy

if TYPE_CHECKING:
    from tests.acceptance.oracle import Figures

Answer = TypeVar("Answer")
Worker = Process
Settings = Mapping[str, object]

SESSION_SECONDS = 2.0
POLL_SECONDS = 4.0
CLASSIC: Settings = MappingProxyType(
    {
        "session.timeout.ms": round(1000 * SESSION_SECONDS),
        "heartbeat.interval.ms": 500,
        "max.poll.interval.ms": round(1000 * POLL_SECONDS),
    }
)
"""Settings of `[kafka]` that let a member die, and be missed, within seconds."""
NO_ENV: Mapping[str, str] = MappingProxyType({})
LOOK_SECONDS = 0.1
SAMPLE_SECONDS = 1.0
SAMPLE_SHARE = 0.05
"""Of the time may go into samples."""
STEADY_SECONDS = DRAIN_SECONDS = 90.0
AWAKE_SECONDS = 60.0
NOT_IN_TIME = "did not come about"
"""What ``until`` and ``wait_until`` say: a step of a fault was not made, which is no finding."""


@dataclass(frozen=True)
class Setup:
    """How large the system is and how fast it is fed."""

    partitions: int = 3
    workers: int = 2
    rate: int = 2_000
    """Events a second."""
    day_seconds: float = 2.0
    """How long a day of the feed lasts."""
    rules: Rules = field(default_factory=lambda: Rules(retention_days=93))
    build: Build | None = None
    """What workers are unless they are told; None for the product itself."""
    plain_runs: bool = False
    """Whether the log stays short enough to compute every figure of a run plainly."""


class System:
    """See the module. The feed runs from entry to exit; ``check`` tells the truth whatever was done to the rest.

    ``kafka_server`` and ``redis_server`` are processes of ours, to be killed and started at will. Workers and jobs
    reach Redis through ``proxy``, the checker reaches it without.
    """

    def __init__(
        self, kafka: LocalKafka, redis: LocalRedis, folder: Path, random: Random, setup: Setup | None = None
    ) -> None:
        self.kafka_server, self.redis_server, self.folder, self.random = kafka, redis, folder, random
        self.setup = setup or Setup()
        self.proxy = RedisProxy(redis.port)
        self.workers: list[Worker] = []
        prefix = f"f-{secrets.token_hex(4)}."
        self.engine = Engine(self._environment(prefix), folder)
        self.checker = Checker(kafka.address, redis.url, prefix, self.setup.rules)
        self.runs = RunChecker(kafka.address, prefix)
        self.expected_runs: dict[str, Mapping[str, Figures]] = {}
        plan = Plan(kafka.address, prefix, random.randrange(1 << 30), self.setup.day_seconds)
        self.feed = Feed(plan, folder, self.setup.rate)
        self._processes = Processes(folder)
        self._stack = ExitStack()
        self._sample_at = 0.0

    def _environment(self, prefix: str) -> dict[str, str]:
        rules = self.setup.rules
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
        return inherited | {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka_server.address,
            "REDIS_URL": self.proxy.url,
            "ENGAGEMENT_TOPIC_PREFIX": prefix,
            "ENGAGEMENT_TIMEZONE": rules.timezone,
            "ENGAGEMENT_LATENESS_DAYS": str(rules.lateness_days),
            "ENGAGEMENT_RETENTION_DAYS": str(rules.retention_days),
            "ENGAGEMENT_WAIT_SECONDS": "60",
            "ENGAGEMENT_KAFKA": json.dumps(dict(CLASSIC)),
        }

    @property
    def prefix(self) -> str:
        return self.engine.prefix

    def __enter__(self) -> Self:
        self._stack.callback(self._processes.end_all)
        self._stack.enter_context(self.proxy)
        self.engine.without_env("ENGAGEMENT_KAFKA").create_topics(self.setup.partitions)
        self._stack.enter_context(self.checker)
        for _ in range(self.setup.workers):
            self.start_worker()
        self._stack.enter_context(self.feed)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    # Workers.

    def start_worker(self, *, build: Build | None = None, env: Mapping[str, str] = NO_ENV) -> Worker:
        """Start the product's worker, or the test build of it, after the others in ``workers``."""
        build = build or self.setup.build
        module = ["stream.cli"] if build is None else ["tests.faults.build"]
        extra = {} if build is None else build.environment()
        worker = self.start([*module, "run", "--log-format", "json"], {**extra, **env})
        self.workers.append(worker)
        return worker

    def start(self, command: list[str], env: Mapping[str, str] = NO_ENV, root: Path = ROOT) -> Worker:
        """Start a command of ours that ends with this process; its output is its log."""
        return self._processes.start(command, {**self.engine.env, **env}, root)

    def log_of(self, process: Worker) -> str:
        return self._processes.log_of(process)

    def reached(self, process: Worker) -> bool:
        """Whether a process of the test build has come to its fail point."""
        return REACHED in self.log_of(process)

    def kill(self, worker: Worker, number: int = signal.SIGKILL) -> int:
        """End a worker, also one that is stopped or has ended; it leaves ``workers``. Returns its exit code."""
        if worker.poll() is None:
            worker.send_signal(number)
        self.workers.remove(worker)
        return self._code_of(worker)

    def _code_of(self, worker: Worker) -> int:
        try:
            return worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            raise AssertionError(f"worker {worker.pid} does not end within {STOP_SECONDS:g} s{self.logs()}") from None

    def stop(self, worker: Worker) -> None:
        """End a worker as an operator does. Fails where it does not end cleanly."""
        self.awake([worker])
        code = self.kill(worker, signal.SIGTERM)
        assert code == 0, f"exit code {code} after SIGTERM{self.logs()}"

    def replace(self, worker: Worker, *, build: Build | None = None, env: Mapping[str, str] = NO_ENV) -> Worker:
        """SIGKILL one worker and start another."""
        self.kill(worker)
        return self.start_worker(build=build, env=env)

    def stop_workers(self) -> None:
        """End all workers as an operator does. Fails where one does not end cleanly."""
        self.awake(self.workers)
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        codes = {worker.pid: self._code_of(worker) for worker in self.workers}
        self.workers.clear()
        assert not any(codes.values()), f"exit codes {codes} after SIGTERM{self.logs()}"

    def start_workers(self, *, env: Mapping[str, str] = NO_ENV) -> None:
        """Start as many workers as the setup says, where there are none."""
        for _ in range(self.setup.workers - len(self.workers)):
            self.start_worker(env=env)

    def awake(self, workers: Iterable[Worker]) -> None:
        """Wait until these have started, if they have not ended.

        Until one says something it has no handler for SIGTERM, and would end as Python does; nor has it looked at the
        topics, of which it wants all, and makes the one of the rejects take what the inputs do.
        """
        starting = list(workers)
        self.until(
            lambda: all(self.log_of(one) or one.poll() is not None for one in starting),
            AWAKE_SECONDS,
            "workers that say something",
        )

    def assert_alive(self) -> None:
        """Fail where a worker gave up."""
        ended = [worker for worker in self.workers if worker.poll() is not None]
        assert not ended, f"worker {ended[0].pid} ended with {ended[0].returncode}{self.logs()}"

    def logs(self) -> str:
        """The ends of the newest logs."""
        return self._processes.logs()

    # Waiting, draining, checking.

    def until(self, condition: Callable[[], Answer | None], seconds: float = 30.0, what: str = "it") -> Answer:
        """Return the first true answer, and take samples of the slots meanwhile; fail after ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            self.sample()
            answer = condition()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} {NOT_IN_TIME} within {seconds:g} s; the last answer was {answer!r}")
            time.sleep(LOOK_SECONDS)

    def sample(self) -> None:
        """Take a sample, if the last one is long enough ago for what it took."""
        start = time.monotonic()
        if start >= self._sample_at:
            self.checker.sample()
            self._sample_at = start + max(SAMPLE_SECONDS, (time.monotonic() - start) / SAMPLE_SHARE)

    def rest(self, least: float, most: float) -> None:
        """Let a random time go by."""
        until = time.monotonic() + self.random.uniform(least, most)
        self.until(lambda: time.monotonic() >= until, most + 30)

    def offsets(self) -> dict[tuple[str, int], int]:
        """The stored offset of every slot, -1 for none."""
        return {slot: -1 if one.next_offset is None else one.next_offset for slot, one in self.checker.slots().items()}

    def moved_on(self, before: Mapping[tuple[str, int], int]) -> bool:
        """Whether every slot has been stored since ``before``."""
        now = self.offsets()
        return all(now.get(slot, -1) > offset for slot, offset in before.items())

    def steady(self) -> None:
        """Wait until every partition is owned and moves."""
        before = self.offsets()
        self.until(lambda: self.moved_on(before), STEADY_SECONDS, "a checkpoint of every slot")
        self.assert_alive()

    def drained(self, seconds: float = DRAIN_SECONDS) -> float:
        """Wait until every slot has reached the end that its log has now; the seconds that it took."""
        start = time.monotonic()
        ends = {slot: one.log_end for slot, one in self.checker.slots().items()}
        try:
            self.until(lambda: all(at >= ends[slot] for slot, at in self.offsets().items() if slot in ends), seconds)
        except AssertionError:
            left = {slot: ends[slot] - at for slot, at in self.offsets().items() if at < ends.get(slot, 0)}
            raise AssertionError(f"not drained within {seconds:g} s, left: {left}{self.logs()}") from None
        return time.monotonic() - start

    def check(self) -> Report:
        """Drain, and compare everything."""
        self.drained()
        return self.verify()

    def verify(self) -> Report:
        """Compare every sample and what is stored now with the log; fails with every violation."""
        report = self.checker.verify()
        self._fail(report)
        return report

    def check_runs(self, as_of: str | None = None) -> None:
        """Compare all runs, after working out what the newest one, of ``as_of``, must say."""
        if as_of is not None and self.setup.plain_runs:
            self.expected_runs[as_of] = expected_run(self.engine, as_of, self.setup.rules)
        self._fail(self.runs.verify(self.expected_runs))

    def _fail(self, report: Report) -> None:
        assert not report.violations, "\n".join(map(str, report.violations[:20])) + self.logs()
