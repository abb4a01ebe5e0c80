"""Time spent and active users of every account, exact over windows of 1 to 90 days and over any number of slots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.days import Window
from jobs.inputs import ActionsPart, UsersPart
from schemas.scores import WINDOWS
from store.vectors import distinct


@dataclass(frozen=True)
class Usage:
    """By place of the account in the Activity, shape (6, n) each: a row for each of WINDOWS."""

    minutes: NDArray[np.int64]
    users: NDArray[np.int64]


def count_usage(parts: Sequence[ActionsPart], places: Sequence[NDArray[np.int64]], size: int, as_of: int) -> Usage:
    """Usage in the windows that end with `as_of`; `places` has the place of each part's accounts, by dense id."""
    minutes = np.zeros((len(WINDOWS), size), np.int64)
    users = np.zeros((len(WINDOWS), size), np.int64)
    shared = _in_several(places, size)
    united = _United(size)
    for part, place in zip(parts, places, strict=True):
        minutes += _minutes_of(part, place, size, as_of)
        owner = place[part.users.owners]
        windows = _active_users(part.users, as_of)
        ids = united.ids(part.users, owner, windows[-1][shared[owner[windows[-1]]]])
        for row, active in enumerate(windows):
            several = shared[owner[active]]
            users[row] += np.bincount(owner[active[~several]], minlength=size)
            united.note(row, ids[active[several]])
    return Usage(minutes, users + united.counts())


def minutes_over(
    parts: Sequence[ActionsPart], places: Sequence[NDArray[np.int64]], size: int, window: Window
) -> NDArray[np.int64]:
    """Minutes of every account in one window, shape (n,)."""
    total = np.zeros(size, np.int64)
    for part, place in zip(parts, places, strict=True):
        for day in window.days:
            if day in part.minutes:
                np.add.at(total, place, part.minutes[day])
    return total


def _minutes_of(part: ActionsPart, place: NDArray[np.int64], size: int, as_of: int) -> NDArray[np.int64]:
    rows = np.zeros((len(WINDOWS), size), np.int64)
    total = np.zeros(len(part.accounts), np.int64)
    for day in Window(as_of, WINDOWS[-1]).backwards:
        if day in part.minutes:
            total += part.minutes[day]
        if as_of - day + 1 in WINDOWS:
            rows[WINDOWS.index(as_of - day + 1), place] = total
    return rows


def _active_users(users: UsersPart, as_of: int) -> list[NDArray[np.int64]]:
    """The dense ids of the users that acted in each of WINDOWS: the bits of its days, united while still packed."""
    size = len(users.owners)
    total = np.zeros(-(-size // 8), np.uint8)
    found = []
    for day in Window(as_of, WINDOWS[-1]).backwards:
        if day in users.active:
            bits = np.frombuffer(users.active[day], np.uint8)
            total[: len(bits)] |= bits
        if as_of - day + 1 in WINDOWS:
            found.append(np.flatnonzero(np.unpackbits(total, count=size, bitorder="little")))
    return found


def _in_several(places: Sequence[NDArray[np.int64]], size: int) -> NDArray[np.bool_]:
    times = np.zeros(size, np.int64)
    for place in places:
        times[place] += 1
    return times > 1


class _Names(dict[str, int]):
    """Numbers of names, by first appearance."""

    def __missing__(self, name: str) -> int:
        found = self[name] = len(self)
        return found


class _United:
    """Users of accounts that lie in several slots: the same name within an account is one user."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._names = _Names()
        self._seen: list[list[NDArray[np.int64]]] = [[] for _ in WINDOWS]

    def ids(self, users: UsersPart, owner: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """By dense user id, what each wanted user is in all slots: place << 32 | number of the name; -1 for others."""
        found = np.full(len(users.owners), -1)
        names = map(self._names.__getitem__, users.names(wanted))
        found[wanted] = owner[wanted] << 32 | np.fromiter(names, np.int64, len(wanted))
        return found

    def note(self, row: int, ids: NDArray[np.int64]) -> None:
        """These users acted in a window."""
        self._seen[row].append(ids)

    def counts(self) -> NDArray[np.int64]:
        """Distinct users by window and place, shape (6, n)."""
        found = np.zeros((len(WINDOWS), self._size), np.int64)
        for row, seen in enumerate(self._seen):
            ids = distinct(np.concatenate(seen)) if seen else np.empty(0, np.int64)
            found[row] = np.bincount(ids >> 32, minlength=self._size)
        return found
