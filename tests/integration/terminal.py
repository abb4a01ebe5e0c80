"""Our commands on a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.integration.live import Live

ROOT = Path(__file__).parents[2]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, live: Live, command: Sequence[str], columns: int) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        environment = {**live.environment, "TERM": "xterm", "COLUMNS": str(columns), "LINES": "30"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._seen = b""

    @property
    def seen(self) -> str:
        """All that it has shown so far, with its control sequences."""
        return self._seen.decode()

    def shows(self, text: bytes) -> bool:
        with suppress(OSError):  # nothing to read now, or ended
            self._seen += os.read(self._ours, 65_536)
        return text in self._seen

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextmanager
def terminal(live: Live, *command: str, columns: int = 100) -> Iterator[Terminal]:
    """`engagement-stream` with these arguments."""
    opened = Terminal(live, [sys.executable, "-m", "stream.cli", *command], columns)
    try:
        yield opened
    finally:
        opened.close()
