"""Where faults are tried: servers that are used again while they are good, and a system for as long as it lasts."""

import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self, TypeVar

from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import LocalServer
from tests.faults.catalog import Fault
from tests.faults.system import Setup, System

Server = TypeVar("Server", bound=LocalServer)

QUIET = Setup(partitions=2, workers=2, rate=60, plain_runs=True)


@dataclass(frozen=True)
class Outcome:
    """What became of one try; ``wrong`` says what was found, empty where all is well."""

    fault: Fault
    events: int
    checks: Mapping[str, int] = field(default_factory=dict)
    recovery_seconds: float = 0.0
    wrong: str = ""


class Site:
    """Tries faults one after the other."""

    def __init__(self, folder: Path, random: Random, setup: Setup) -> None:
        self._folder, self._random, self._setup = folder, random, setup
        self._servers: dict[type[LocalServer], LocalServer] = {}
        self._system: System | None = None
        self._stack = ExitStack()
        self._quiet = False
        self._numbers = 0
        self._events = 0
        self._checks: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_system()
        for server in self._servers.values():
            server.kill()

    def attempt(self, fault: Fault) -> Outcome:
        """Steady, the fault, recovery, and everything compared. What broke off may have left a server in any state."""
        whole = False
        try:
            found = self._attempt(fault)
            whole = True
        except AssertionError as error:
            return Outcome(fault, 0, wrong=told(error))
        finally:
            if not (whole and fault.lasting):
                self._end_system()
                self._drop(LocalRedis)
            if not whole or (fault.needs_own_kafka and not fault.lasting):
                self._drop(LocalKafka)
        return found

    def _attempt(self, fault: Fault) -> Outcome:
        system = self.system(fault)
        system.awake(system.workers)  # those that the last fault has just started
        fault.run(system)
        seconds = system.drained(fault.recovery_seconds)
        system.assert_alive()
        report = system.verify()
        events = report.events - self._events
        checks = {name: number - self._checks.get(name, 0) for name, number in report.checks.items()}
        self._events, self._checks = report.events, dict(report.checks)
        return Outcome(fault, events, checks, seconds)

    def system(self, fault: Fault) -> System:
        """The system to put the fault to: the last one if it fits."""
        if self._system is not None and self._quiet == fault.quiet:
            return self._system
        self._end_system()
        kafka, redis = self._server(LocalKafka), self._server(LocalRedis)
        self._numbers += 1
        folder = self._folder / f"system-{self._numbers}"
        folder.mkdir()
        setup = QUIET if fault.quiet else self._setup
        self._system = self._stack.enter_context(System(kafka, redis, folder, self._random, setup))
        self._quiet = fault.quiet
        self._system.steady()
        return self._system

    def _end_system(self) -> None:
        self._stack.close()
        self._system = None
        self._events, self._checks = 0, {}

    def _server(self, kind: type[Server]) -> Server:
        found = self._servers.get(kind)
        if not isinstance(found, kind):
            self._numbers += 1
            found = kind(self._folder / f"{kind.name.lower()}-{self._numbers}")
            found.start()
            self._servers[kind] = found
        return found

    def _drop(self, kind: type[LocalServer]) -> None:
        server = self._servers.pop(kind, None)
        if server is not None:
            server.kill()


def told(error: Exception) -> str:
    """What an assertion says, and where it stands if that is nothing: an empty text would mean that all is well."""
    return str(error) or "".join(traceback.format_exception(error)[-2:])
