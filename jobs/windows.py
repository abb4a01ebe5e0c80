"""Counts per day of every account over all slots, and the window figures that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jobs.days import WINDOW_DAYS, Window
from jobs.inputs import ActionsPart
from schemas.scores import Frequency

FREQUENCIES: tuple[Frequency, ...] = ("inactive", "occasionally", "weekly", "daily")
_LEAST_DAYS = np.array([2, 5, 9])
"""Active days among 14 from which on a frequency is the next one of `FREQUENCIES`."""


@dataclass(frozen=True)
class Activity:
    """Everything counted, by account name: accounts in several slots are one.

    `places` the place (0 to n - 1, in order) of each account; `part_places` those of each part's accounts, by dense
    id; `first_day` (n,) the earliest day of any action, 0 for none; `totals` (days, n) actions by day of `window`,
    earliest first.
    """

    window: Window
    parts: Sequence[ActionsPart]
    places: dict[str, int]
    part_places: Sequence[NDArray[np.int64]]
    first_day: NDArray[np.int64]
    totals: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many accounts there are."""
        return len(self.places)

    @cached_property
    def in_order(self) -> NDArray[np.int64]:
        """All places in order of account_id; the order of code points is the order of UTF-8 bytes."""
        names = list(self.places)
        return np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)

    def occurrences(self, weights: Mapping[str, int], window: Window) -> NDArray[np.int64]:
        """Sum of weight x occurrences in `window` by account, shape (n,); an action without a weight adds 0."""
        total = np.zeros(self.size, np.int64)
        for part, place in zip(self.parts, self.part_places, strict=True):
            weight = np.array([weights.get(action, 0) for action in part.actions], np.int64)[part.of_action]
            series = np.flatnonzero(weight)
            for day in window.days:
                if day in part.counts:
                    weighted = weight[series] * part.counts[day][series]
                    total += np.bincount(place[part.series[series]], weighted, self.size).astype(np.int64)
        return total

    def on(self, window: Window) -> NDArray[np.int64]:
        """The rows of `totals` for a window within this one, shape (window.length, n)."""
        start = window.first - self.window.first
        return self.totals[start : start + window.length]

    def days_of(self, name: str) -> dict[int, int]:
        """Actions by day of the window of one account. Raises KeyError for an account that is not known."""
        column = self.totals[:, self.places[name]].tolist()
        return dict(zip(self.window.days, column, strict=True))

    def first_day_of(self, name: str) -> int:
        """The earliest day of any action of one account, 0 for none. Raises as `days_of`."""
        return int(self.first_day[self.places[name]])


def sum_over_slots(parts: Sequence[ActionsPart], window: Window, others: Sequence[str] = ()) -> Activity:
    """Unite the slots by account name; `others`, each once, must be there though nothing was counted for them."""
    index: dict[str, int] = {}
    for names in (*(part.accounts for part in parts), others):
        new = [name for name in names if name not in index]
        index.update(zip(new, range(len(index), len(index) + len(new)), strict=True))
    size = len(index)
    first_day = np.full(size, np.iinfo(np.int64).max)
    totals = np.zeros((window.length, size), np.int64)
    part_places = [np.fromiter(map(index.__getitem__, part.accounts), np.int64, len(part.accounts)) for part in parts]
    for part, place in zip(parts, part_places, strict=True):
        days = part.first_day.astype(np.int64)
        seen = days > 0
        np.minimum.at(first_day, place[seen], days[seen])
        of_series = place[part.series]
        for day in window.days:
            if day in part.counts:
                # Sums of u32 are exact in doubles up to 2**53, far over what a topic can hold.
                totals[day - window.first] += np.bincount(of_series, part.counts[day], size).astype(np.int64)
    first_day[first_day == np.iinfo(np.int64).max] = 0
    return Activity(window, parts, index, part_places, first_day, totals)


@dataclass(frozen=True)
class Members:
    """The accounts of a run, in order of account_id, each with its window figures; all arrays have shape (n,).

    `place` is the account's place in the Activity; `days_considered` D, `actions` T in the last D days, `active_days`
    of the whole window, `frequency` an index into FREQUENCIES.
    """

    names: list[str]
    place: NDArray[np.int64]
    days_considered: NDArray[np.int64]
    actions: NDArray[np.int64]
    active_days: NDArray[np.int64]
    frequency: NDArray[np.int64]


def roll(
    activity: Activity, as_of: int, created: NDArray[np.int64], listed: NDArray[np.bool_], forgotten: NDArray[np.bool_]
) -> Members:
    """The members of the run of `as_of`, with the 14 days that end with it.

    `created` (n,) day of `created_at`, 0 for none; `listed` (n,) has a record in force; `forgotten` (n,) ends in null.
    """
    acted = (activity.first_day > 0) & (activity.first_day <= as_of)
    member = (acted | listed) & ~forgotten & (created <= as_of)
    start = np.where(created > 0, created, np.where(acted, activity.first_day, as_of - WINDOW_DAYS + 1))
    place = activity.in_order[member[activity.in_order]]
    every = list(activity.places)
    names = [every[at] for at in place.tolist()]
    days_considered = np.minimum(WINDOW_DAYS, as_of - start[place] + 1)
    totals = activity.on(Window(as_of))[:, place]
    age = np.arange(WINDOW_DAYS - 1, -1, -1)[:, np.newaxis]
    actions = np.where(age < days_considered, totals, 0).sum(axis=0)
    active_days = np.count_nonzero(totals, axis=0).astype(np.int64)
    frequency = np.searchsorted(_LEAST_DAYS, active_days, side="right").astype(np.int64)
    return Members(names, place, days_considered, actions, active_days, frequency)
