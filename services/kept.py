"""Services that stay after the command that started them: up, down and status, remembered in a folder."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from services import docker
from services.errors import ServiceError
from services.find import KAFKA_VARIABLE, REDIS_VARIABLE, Addresses, start_together
from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import LocalServer

_LOOK_AGAIN_SECONDS = 0.05
_KINDS: dict[str, type[LocalServer]] = {"redis": LocalRedis, "kafka": LocalKafka}


@dataclass(frozen=True)
class Kept:
    """One server started by `up`; `mark` is in its command line, as a process number can be another's by now."""

    pid: int
    port: int
    address: str
    mark: str

    def alive(self) -> bool:
        """Whether that very server still runs."""
        return self.mark in _command_line(self.pid)


def up(folder: Path, environ: Mapping[str, str]) -> Addresses:
    """Start what the environment does not name and does not run yet; data of an earlier `up` is still there."""
    with _state(folder) as state:
        named = _named_by_others(environ, state)
        needed = [name for name in _KINDS if name not in named]
        if needed and not state and docker.answers():
            docker.compose("up", "--detach", "--wait", *needed)
            return Addresses(**{"kafka": docker.COMPOSE_KAFKA, "redis": docker.COMPOSE_REDIS} | named)
        missing = {
            name: _KINDS[name](folder / name, state[name].port if name in state else None, leashed=False)
            for name in needed
            if not (name in state and state[name].alive())
        }
        start_together(list(missing.values()))
        for name, server in missing.items():
            state[name] = Kept(server.pid, server.port, server.address, str(server.settings_file))
        return Addresses(**{name: state[name].address for name in needed} | named)


def _named_by_others(environ: Mapping[str, str], state: Mapping[str, Kept]) -> dict[str, str]:
    """Return the addresses in the environment that are not of servers of ours.

    A shell that took the exports of an earlier `up` names those for ever, also when they ended long ago.
    """
    named = {"kafka": environ.get(KAFKA_VARIABLE), "redis": environ.get(REDIS_VARIABLE)}
    return {
        name: address
        for name, address in named.items()
        if address and not (name in state and address == state[name].address)
    }


def down(folder: Path) -> None:
    """Stop what `up` started and keep its data. Raises ServiceError where a server does not end."""
    with _state(folder) as state:
        if not state and docker.answers():
            docker.compose("stop", "kafka", "redis")
        for kept in state.values():
            _end(kept, LocalServer.stop_seconds)


def status(folder: Path) -> dict[str, Kept]:
    """Return the servers that `up` started and that still run, by name."""
    with _state(folder) as state:
        return {name: kept for name, kept in state.items() if kept.alive()}


def _end(kept: Kept, seconds: float) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + seconds
        if kept.alive():
            os.kill(kept.pid, sent)
        while kept.alive() and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)
    if kept.alive():
        raise ServiceError(f"Process {kept.pid} ({kept.mark}) does not end.")


@contextmanager
def _state(folder: Path) -> Iterator[dict[str, Kept]]:
    """Give what is remembered, and remember it as it is afterwards; one process at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    file, written = folder / "state.json", folder / "state.json.new"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = {name: Kept(**kept) for name, kept in json.loads(file.read_text()).items()} if file.exists() else {}
        yield state
        written.write_text(json.dumps({name: asdict(kept) for name, kept in state.items()}, indent=1))
        written.replace(file)


def _command_line(pid: int) -> str:
    """Return the command line of a process; empty where there is none, or only its exit code is left."""
    asked = ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return "" if listed.startswith("Z") else listed
