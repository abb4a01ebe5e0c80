"""A feed that produces the sample at an even pace, so that faults can be timed by how much of it has been sent."""

import threading
from types import TracebackType
from typing import Self

from tests.acceptance import sample
from tests.acceptance.engine import Engine, account_puts, action_puts, produce
from tests.support import wait_until

SLICE_SECONDS = 0.1


class Feed:
    """Sends all account records at once and the actions over `seconds`, in a thread, in order of arrival."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._puts = action_puts(engine.prefix, sample.actions())
        self._slice = max(1, round(len(self._puts) * SLICE_SECONDS / seconds))
        self._sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")
        self._seconds = seconds

    def __enter__(self) -> Self:
        produce(self._engine.kafka, account_puts(self._engine.prefix, sample.accounts()))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._stop.set()
        self._thread.join()

    @property
    def share(self) -> float:
        """How much has been sent, 0 to 1."""
        return self._sent / len(self._puts)

    def wait_for(self, share: float) -> None:
        wait_until(lambda: self.share >= share, 3 * self._seconds, f"{share:.0%} of the feed")

    def wait_more(self, seconds: float) -> None:
        """Waits until as much more has been sent as is sent in `seconds`, or all of it."""
        self.wait_for(min(1.0, self.share + seconds / self._seconds))

    def _run(self) -> None:
        while self._sent < len(self._puts) and not self._stop.wait(SLICE_SECONDS):
            part = self._puts[self._sent : self._sent + self._slice]
            produce(self._engine.kafka, part)
            self._sent += len(part)
