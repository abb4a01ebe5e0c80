"""What was counted for one account, day by day and action by action."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.days import Window
from jobs.windows import Activity


@dataclass(frozen=True)
class AccountCounts:
    """The counts of one account over all slots."""

    activity: Activity
    place: int

    def minutes(self, window: Window) -> list[int]:
        """Minutes of each day, earliest first."""
        total = [0] * window.length
        for part, places in zip(self.activity.parts, self.activity.part_places, strict=True):
            mine = np.flatnonzero(places == self.place)
            for at, day in enumerate(window.days):
                if day in part.minutes:
                    total[at] += int(part.minutes[day][mine].sum())
        return total

    def occurrences(self, window: Window) -> dict[str, int]:
        """How often each action was done in `window`; actions that were not done are left out."""
        total: dict[str, int] = {}
        for part, places in zip(self.activity.parts, self.activity.part_places, strict=True):
            series = np.flatnonzero(places[part.series] == self.place)
            count = np.zeros(len(series), np.int64)
            for day in window.days:
                if day in part.counts:
                    count += part.counts[day][series]
            _add(total, [part.actions[i] for i in part.of_action[series].tolist()], count)
        return total


def _add(total: dict[str, int], actions: list[str], counts: NDArray[np.int64]) -> None:
    for action, count in zip(actions, counts.tolist(), strict=True):
        if count:
            total[action] = total.get(action, 0) + count
