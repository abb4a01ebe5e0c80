"""Commands of ours as processes that end with this one, each with a log of its own."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from services.server import leashed
from tests.acceptance.engine import ROOT

Process = subprocess.Popen[bytes]

SHOWN_LOGS = 4
SHOWN_CHARACTERS = 2_500


class Processes:
    """All that were started, whatever became of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []
        self._logs: dict[int, Path] = {}

    def start(self, command: list[str], env: Mapping[str, str], root: Path = ROOT) -> Process:
        """Start a module of ours with its arguments, out of this tree."""
        log = self._folder / f"{command[0]}-{len(self._started)}-{secrets.token_hex(2)}.log"
        with log.open("wb") as file:
            started = subprocess.Popen(
                leashed([sys.executable, "-m", *command], signal.SIGKILL),
                cwd=root,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self._logs[started.pid] = log
        self._started.append(started)
        return started

    def log_of(self, process: Process) -> str:
        return self._logs[process.pid].read_text(errors="replace")

    def logs(self) -> str:
        """The ends of the newest logs."""
        newest = list(self._logs.values())[-SHOWN_LOGS:]
        return "".join(f"\n{log.name}: {log.read_text(errors='replace')[-SHOWN_CHARACTERS:]}" for log in newest)

    def end_all(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
