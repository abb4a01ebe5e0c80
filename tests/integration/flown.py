"""A canary in the thread of the test: it takes steps while the test waits, with a day that the test decides."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from store import tables
from store.layout import ACCOUNTS, SERIES, count, name_lengths
from store.redo import Write, encode_redo
from store.slots import Answer, SlotStore
from stream.canary import picture
from stream.canary.picture import wrong_count
from stream.canary.sender import Clocks
from stream.canary.watch import Canary
from stream.inspect_slots import find_account
from tests import support
from tests.integration.live import Live
from tests.support import wait_until

ACCOUNT = "canary.engagement"
DAY_SECONDS = 86_400.0
ROOT = Path(__file__).parents[2]


class Flown:
    """`days` is by how many days its clock is ahead of ours."""

    def __init__(self, live: Live, days: float = 0, interval: float = 0.3) -> None:
        self.days = days
        clocks = Clocks(lambda: time.time() + self.days * DAY_SECONDS, time.monotonic)
        self.canary = Canary(live.settings, ACCOUNT, interval, clocks)
        self._live = live

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Take steps until the condition holds."""

        def stepped() -> bool:
            self.canary.step()
            return bool(condition())

        wait_until(stepped, what=what)

    def path(self, partition: int = 0) -> picture.Path:
        return self.canary.seen.paths[self._live.slot(partition)]

    def counts(self, more: int, partition: int = 0) -> None:
        """Go on until so many more events are in."""
        before = self.path(partition).counted if self._live.slot(partition) in self.canary.seen.paths else 0
        self.until(lambda: self.path(partition).counted >= before + more, f"{more} more events")

    def settles(self) -> None:
        """Look without sending until all is in."""

        def looked() -> bool:
            self.canary.look()
            return self.canary.waits_for_none

        wait_until(looked, what="all events in the slots")

    @property
    def wrong(self) -> dict[int, str]:
        """The differences that there are, by partition, in words."""
        paths = self.canary.seen.paths.items()
        return {slot.partition: wrong_count(path.difference) for slot, path in paths if path.difference}


@contextmanager
def flying(live: Live, days: float = 0) -> Iterator[Flown]:
    """A canary that has introduced itself, and a worker."""
    flown = Flown(live, days)
    flown.canary.start()
    with live.worker():
        yield flown


def prepare(live: Live, actions: int = 1) -> None:
    """Topics for a system in which nothing was published yet."""
    live.topics(actions)
    far_from_midnight()
    support.create_topics(live.settings.kafka_bootstrap_servers, {live.settings.topics.runs: 1})


def far_from_midnight() -> None:
    """Wait until the day lasts for as long as a test does, where that asks what is counted of it."""
    wait_until(lambda: time.time() % DAY_SECONDS < DAY_SECONDS - 60, what="another day")


def command(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(
        line, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=150, check=False
    )


def tampered(live: Live, day: int, by: int, partition: int = 0) -> None:
    """Change the counter of the canary's first series in Redis, as no worker would; none may own the slot."""
    store, slot = SlotStore(live.client), live.slot(partition)
    names = (ACCOUNTS, name_lengths(ACCOUNTS))
    found, stored = store.snapshot(slot, lambda _: (*names, SERIES, count(day))), store.stored(slot)
    assert found is not None
    assert stored is not None
    account = find_account(found.strings[names[0]], found.strings[names[1]], ACCOUNT)
    series = int(np.flatnonzero(tables.pairs(found.strings[SERIES])[:, 0] == account)[0])
    held = int(np.frombuffer(found.strings[count(day)], "<u4")[series])
    write = Write(count(day), 4 * series, (held + by).to_bytes(4, "little"))
    header = msgspec.structs.replace(stored.header, previous=stored.state_id)
    assert store.checkpoint(slot, stored, encode_redo(live.new_state_id(), header, [write], stored.header)) is (
        Answer.APPLIED
    )
