"""`engagement-stream top` in a pipe and on a terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.exits import Exit
from tests.integration.live import Live, action
from tests.integration.terminal import terminal
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
TOP = [sys.executable, "-m", "stream.cli", "top"]


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
    with terminal(live, "top") as top:
        wait_until(lambda: top.shows(b"actions/0"), what="the first frame")
        live.produce([action()] * 1234)
        wait_until(lambda: top.shows(b"1,234 wait"), what="a frame of now")
        if key == b"\x03":
            top.process.send_signal(2)  # what the terminal makes of Ctrl-C
        else:
            top.press(key)
        wait_until(lambda: top.shows(b"\x1b[?1049l"), what="the screen as it was")
        assert top.process.wait(60) == Exit.DONE
