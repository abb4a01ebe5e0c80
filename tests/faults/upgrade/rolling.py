"""A rolling upgrade, and the way back, of a system that is fed all the time: what happens, handover by handover."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError
from store.offsets import owners
from tests.acceptance.engine import STOP_SECONDS
from tests.faults.checker.redo import OtherForm
from tests.faults.site import told
from tests.faults.system import CLASSIC, System, Worker
from tests.faults.upgrade.pauses import Pauses
from tests.faults.upgrade.versions import CannotRollError, Version

Answer = TypeVar("Answer")

JOIN_SECONDS = 90.0
SETTLE_SECONDS = 90.0
OWNERS_SECONDS = 30.0
GROUP = {name: value for name, value in CLASSIC.items() if name != "max.poll.interval.ms"}
"""A dead member is missed within seconds; a slow one may take its time, as by default."""


@dataclass(frozen=True)
class Row:
    """What one step came to."""

    step: str
    owned: dict[str, int]
    """Partitions by version."""
    events: int
    """Counted and compared so far."""
    longest_pause: float
    """Seconds that a slot stood still while its log had more, at most."""
    most_behind: int
    """Records."""


class Rolling:
    """See the module. Everything is compared with a plain fold after each step; the steps end with CannotRollError."""

    def __init__(self, system: System, count: int) -> None:
        self._system, self._count = system, count
        self._admin = AdminClient({"bootstrap.servers": system.engine.kafka})
        self._versions: dict[int, Version] = {}
        self._started = 0
        self._pauses = Pauses()

    def begin(self, version: Version) -> Row:
        """Only workers of this version."""
        step = f"start {self._count} x {version.name}"
        with self._told(f"{version.name} alone"):
            for _ in range(self._count):
                self.start(version)
            return self._row(step, self._settle())

    def roll(self, joining: Version, killed: int | None = None) -> Iterator[Row]:
        """One new worker starts, one old one stops, until all are new; the one with the number `killed` by SIGKILL."""
        for number, leaving in enumerate(list(self._system.workers)):
            how = signal.SIGKILL if number == killed else signal.SIGTERM
            step = f"+ {joining.name}, - {self._versions[leaving.pid].name} by {how.name}"
            with self._told(step):
                yield self._row(step, self._hand_over(leaving, joining, how))

    def end(self) -> Row:
        """No worker any more, stopped as an operator does, and everything counted."""
        step = "feed stops, - all by SIGTERM"
        with self._told(step):
            self._system.feed.pause()
            self._system.drained()
            self._system.stop_workers()
            return self._row(step, {})

    def start(self, version: Version) -> Worker:
        """Start one worker of this version, without waiting for it."""
        self._started += 1
        kafka = {**GROUP, "client.id": f"{version.name}-{self._started}"}
        env = {"PYTHONPATH": str(version.root), "ENGAGEMENT_KAFKA": json.dumps(kafka)}
        worker = self._system.start(["stream.cli", "run", "--log-format", "json"], env, version.root)
        self._versions[worker.pid] = version
        self._system.workers.append(worker)
        return worker

    def _hand_over(self, leaving: Worker, joining: Version, how: signal.Signals) -> dict[str, int]:
        system = self._system
        self.start(joining)
        member = f"{joining.name}-{self._started}"
        self._until(lambda: member in self._members().values(), JOIN_SECONDS, "a partition of the new worker")
        system.rest(0.2, 1.0)
        system.workers.remove(leaving)
        leaving.send_signal(how)
        self._until(lambda: leaving.poll() is not None, STOP_SECONDS, "the end of the old worker")
        assert leaving.returncode in (0, -signal.SIGKILL), self._stopped(leaving)
        return self._settle()

    def _settle(self) -> dict[str, int]:
        """Wait until the group has dealt out all partitions to who is there, and every slot moves; then compare.

        Partitions by version are those of then. Each member of a worker comes and goes for itself, so the group may
        deal out again at any time, and nobody owns anything meanwhile.
        """
        system = self._system
        self._until(self._dealt_out, SETTLE_SECONDS, "partitions of all who are there")
        before = system.offsets()
        self._until(lambda: system.moved_on(before), SETTLE_SECONDS, "a checkpoint of every slot")
        system.check()
        return self._until(self._dealt_out, SETTLE_SECONDS, "partitions of all who are still there")

    def _row(self, step: str, owned: dict[str, int]) -> Row:
        report = self._system.verify()
        return Row(step, owned, report.events, self._pauses.longest, self._pauses.most_behind)

    @contextmanager
    def _told(self, step: str) -> Iterator[None]:
        """What goes wrong in the block is why the versions cannot take turns, a worker that gave up first of all."""
        self._pauses = Pauses()
        try:
            yield
        except (AssertionError, OtherForm) as wrong:
            ended = [worker for worker in self._system.workers if worker.poll() is not None]
            why = self._stopped(ended[0]) if ended else told(wrong).splitlines()[0]
            raise CannotRollError(f"{step}: {why}") from wrong

    def _until(self, condition: Callable[[], Answer | None], seconds: float, what: str) -> Answer:
        """As the system's, watching pauses; a worker that gives up ends it at once."""

        def looked() -> Answer | None:
            self._pauses.look(self._system.checker.slots(), time.monotonic())
            self._system.assert_alive()
            return condition()

        return self._system.until(looked, seconds, what)

    def _stopped(self, worker: Worker) -> str:
        """How a worker ended: its error line, or whatever it said last."""
        lines = [line for line in self._system.log_of(worker).splitlines() if line.strip()]
        words = next((line for line in lines if line.startswith("error: ")), lines[-1] if lines else "nothing")
        return f"{self._versions[worker.pid].name} ended with {worker.returncode} and said: {words}"

    def _members(self) -> dict[object, str]:
        """Who has which partition; nobody any while the group is dealing out."""
        try:
            held = owners(self._admin, f"{self._system.prefix}stream", OWNERS_SECONDS)
        except (EngagementError, KafkaException):
            return {}
        return {slot: member.split(" at ")[0] for slot, member in held.items()}

    def _dealt_out(self) -> dict[str, int] | None:
        """Partitions by version, once every partition is a worker's and every version that is there has some."""
        members = self._members()
        owned = dict(Counter(member.rpartition("-")[0] for member in members.values()))
        there = {self._versions[one.pid].name for one in self._system.workers}
        return owned if len(members) == len(self._system.checker.slots()) and owned.keys() == there else None
