"""A feed that never ends: a process of its own, told over a pipe how fast to go, that says how far it has come."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Self

import msgspec

from services.server import leashed
from tests.faults.feeding import Order, Plan, Progress
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 120.0


class Feed:
    """Sends ``rate`` events a second of days that go forward, as the plan says."""

    def __init__(self, plan: Plan, folder: Path, rate: int) -> None:
        self._plan = plan
        self._log = folder / f"feed-{plan.prefix}log"
        self._rate = self._now = rate
        self._orders = 0
        self._days_asked = 0
        self._days_pass = True
        self._progress = Progress(order=0, sent=0, day="")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                leashed(
                    [sys.executable, "-m", "tests.faults.feeding", json.dumps(msgspec.to_builtins(self._plan))], SIGKILL
                ),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._follower = threading.Thread(target=self._follow, args=(self._process,), name="feed", daemon=True)
        self._follower.start()
        self.go(self._rate)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._follower.join()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._progress = msgspec.json.decode(line, type=Progress)

    @property
    def sent(self) -> int:
        """Events so far, of both topics and committed or not."""
        return self._progress.sent

    @property
    def day(self) -> date:
        """The newest day of the feed."""
        return date.fromisoformat(self._progress.day)

    def go(self, rate: int | None = None) -> None:
        """Go on, at ``rate`` events a second or as the feed was made."""
        self._order(self._rate if rate is None else rate)

    def pause(self) -> None:
        """Stop sending; returns once the broker has all that was sent, markers of transactions last."""
        self._order(0)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is sent in the block."""
        self.pause()
        try:
            yield
        finally:
            self.go()

    def next_day(self) -> None:
        """Midnight, now."""
        self._days_asked += 1
        self._order(self._now)

    @contextmanager
    def same_day(self) -> Iterator[None]:
        """No day passes in the block, however fast the feed goes."""
        self._days_pass = False
        self._order(self._now)
        try:
            yield
        finally:
            self._days_pass = True
            self._order(self._now)

    def _order(self, rate: int) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._orders, self._now = self._orders + 1, rate
        process.stdin.write(msgspec.json.encode(Order(self._orders, rate, self._days_asked, self._days_pass)) + b"\n")
        process.stdin.flush()
        wait_until(
            lambda: process.poll() is not None or self._progress.order >= self._orders,
            ANSWER_SECONDS,
            "the feed's answer",
        )
        assert process.poll() is None, self._log.read_text()
