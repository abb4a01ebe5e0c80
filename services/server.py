"""One local server process: started with its log in a file, waited for, stopped by its number."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from services.errors import ServiceError, with_log

_LEASH = Path(__file__).with_name("leash.py")
_LOOK_AGAIN_SECONDS = 0.02
# Below the range that outgoing connections take their ports from: a client that keeps knocking at the port of a server
# that is down can otherwise be given that very port, connect to itself, and keep the server from coming back.
_PORTS = range(20_000, 32_000)


class LocalServer(ABC):
    """A server of ours on this machine. `folder` holds its settings, data and log; start again keeps the data.

    `leashed` servers end with the *thread* that started them, however it ends.
    """

    name: ClassVar[str]
    ready_line: ClassVar[bytes]
    start_seconds: ClassVar[float]
    stop_seconds: ClassVar[float] = 20

    def __init__(self, folder: Path, port: int | None = None, *, leashed: bool = True) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.leashed = leashed
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client connects to."""

    @property
    @abstractmethod
    def settings_file(self) -> Path:
        """The file named in the command line, by which the process is known as ours."""

    @abstractmethod
    def command(self) -> list[str]:
        """Write what the server needs into its folder and return how to start it. Raises ServiceError."""

    @property
    def log(self) -> Path:
        """Everything the server says."""
        return self.folder / "server.log"

    @property
    def data_dir(self) -> Path:
        """What the server keeps."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process, for signals of any kind. Raises ServiceError where it was not started."""
        if self._process is None:
            raise ServiceError(f"{self.name} is not running.")
        return self._process.pid

    def begin(self) -> None:
        """Start without waiting, so that two servers can start side by side. Raises ServiceError."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        command = self.command()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(command, signal.SIGKILL) if self.leashed else command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal reaches only the user's command
            )

    def await_ready(self) -> None:
        """Wait until it says it is ready. Raises ServiceError with the end of its log where it does not."""
        process, deadline = self._process, time.monotonic() + self.start_seconds
        while process is not None and not self._said_ready():
            if process.poll() is not None:
                raise with_log(
                    f"{self.name} ended at start with exit code {process.returncode}.", self.log, self._log_start
                )
            if time.monotonic() > deadline:
                self.kill()
                raise with_log(f"{self.name} was not ready within {self.start_seconds:g} s.", self.log, self._log_start)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def start(self) -> None:
        """Start and wait until ready, on the same port and data as before. Raises ServiceError."""
        self.begin()
        self.await_ready()

    def stop(self) -> None:
        """Ask it to end and wait; kill it when it takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it hard, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _said_ready(self) -> bool:
        # Its own log, not its port: on a busy port somebody else would answer.
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return self.ready_line in log.read()


def leashed(command: list[str], death_signal: int) -> list[str]:
    """Return the command line that ends with this process, also when that is killed hard."""
    return [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(death_signal)), *command]


def free_port() -> int:
    """Find a port that nobody listens on now. Raises ServiceError after 100 tries."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError(f"No free port found between {_PORTS.start} and {_PORTS.stop}.")
