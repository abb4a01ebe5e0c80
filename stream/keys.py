"""Single keys from a terminal, without Enter."""

import os
import select
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_keys(terminal: int) -> Iterator[None]:
    """Let every key count at once, and be invisible, until the block ends. Ctrl-C stays an interrupt."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def pressed(terminal: int, seconds: float) -> str:
    """What was typed, as soon as anything was; empty where nothing is within `seconds`."""
    ready, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 64).decode(errors="replace") if ready else ""
