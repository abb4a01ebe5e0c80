"""`engagement-stream top` in a pipe and on a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from schemas.exits import Exit
from tests.integration.live import Live, action
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
TOP = [sys.executable, "-m", "stream.cli", "top"]


class Terminal:
    """`top` on a terminal of its own."""

    def __init__(self, live: Live) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        environment = {**live.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        self.process = subprocess.Popen(
            TOP, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._seen = b""

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
def terminal(live: Live) -> Iterator[Terminal]:
    opened = Terminal(live)
    try:
        yield opened
    finally:
        opened.close()


def test_in_a_pipe_it_is_one_frame(live: Live) -> None:
    live.topics()
    live.produce([action()] * 3)
    command = [*TOP, "--interval", "0.1"]
    done = subprocess.run(
        command, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=60, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["actions/0", "NO_OWNER", "3"] in [row[:3] for row in rows]
    assert done.stdout.count("newest run") == 1


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_on_a_terminal_it_follows_the_system_until_a_key_ends_it(live: Live, key: bytes) -> None:
    live.topics()
    with terminal(live) as top:
        wait_until(lambda: top.shows(b"actions/0"), what="the first frame")
        live.produce([action()] * 1234)
        wait_until(lambda: top.shows(b"1,234 wait"), what="a frame of now")
        if key == b"\x03":
            top.process.send_signal(2)  # what the terminal makes of Ctrl-C
        else:
            top.press(key)
        wait_until(lambda: top.shows(b"\x1b[?1049l"), what="the screen as it was")
        assert top.process.wait(15) == Exit.DONE
