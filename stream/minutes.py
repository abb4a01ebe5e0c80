"""Time spent: the minute logs of open days, and the minutes by account that they become when a day is closed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from store import layout, tables
from store.redo import Write
from store.vectors import distinct
from stream.cells import Cells, GrowingLog, grown

_NEVER = np.iinfo(np.int64).min
_U32 = 0xFFFFFFFF


class MinuteLogs:
    """The (user, minute) pairs of open days, nearly distinct: a user's repeated last minute is left out."""

    def __init__(self, lengths: Mapping[str, int]) -> None:
        days = {name: layout.day_of(name) for name in lengths}
        self.logs = {
            day: GrowingLog(name, lengths[name]) for name, day in days.items() if day and name == layout.minute_log(day)
        }
        self._last_minute: NDArray[np.int64] = np.empty(0, np.int64)

    def note(self, day: int, users: NDArray[np.int64], minutes: NDArray[np.int64]) -> None:
        """Log epoch minutes in which users acted on ``day``; both shape (n,)."""
        if not len(users):
            return
        self._last_minute = grown(self._last_minute, int(users.max()) + 1, _NEVER)
        seen = minutes << 1 | day & 1  # where the offset of a zone has seconds, a minute belongs to two days
        fresh = self._last_minute[users] != seen
        users, minutes = users[fresh], minutes[fresh]
        self._last_minute[users] = seen[fresh]
        pairs = distinct(users << 32 | minutes & _U32).astype(np.uint64)
        if len(pairs):
            self.logs.setdefault(day, GrowingLog(layout.minute_log(day), 0)).append(tables.encode_pairs(pairs))

    def take_writes(self) -> list[Write]:
        """What the logs have grown by since the last call; from now on it counts as stored."""
        return [write for log in self.logs.values() for write in log.take_writes()]

    def close(self, day: int) -> bytes:
        """Stop logging a day; what is not stored of its log yet."""
        return self.logs.pop(day).pending


def minutes_by_account(day: int, accounts: NDArray[np.int64]) -> Cells:
    """The ``minutes`` vector of a day: how often each account id (n >= 1 of them) stands in ``accounts``."""
    minutes = Cells(layout.minutes(day), "<u4")
    counts = np.bincount(accounts)
    minutes.reserve(len(counts))
    minutes.array[: len(counts)] = counts
    minutes.touch(accounts)
    return minutes
