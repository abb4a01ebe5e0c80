"""Weighted scores of single users, and of all users of one profile, over the 14 days of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jobs.days import Window
from jobs.inputs import ActionsPart

Told = tuple[int, int, int]
"""(record timestamp, partition, offset): of two records that name a user's profile, the greater one holds."""


@dataclass(frozen=True, order=True)
class UserFigure:
    """One weighted score; ordered as it is published."""

    account_id: str
    kind: Literal["profile", "user"]
    id: str
    value: int


@dataclass
class _User:
    acted: bool = False
    value: int = 0
    told: Told | None = None
    profile: str = ""


def user_figures(
    parts: Sequence[ActionsPart], weights: Mapping[str, int], window: Window, members: frozenset[str]
) -> list[UserFigure]:
    """Figures of every user of the accounts `members` with a counted action in `window`, and of their profiles.

    A user's profile is the newest one that any slot knows; users without one are in no profile.
    """
    known: dict[tuple[str, str], _User] = {}
    scattered = _accounts_in_several(parts)
    for part in parts:
        for (account, name), user in _of_slot(part, weights, window, members, scattered):
            held = known.setdefault((account, name), _User())
            held.acted |= user.acted
            held.value += user.value
            if user.told is not None and (held.told is None or user.told > held.told):
                held.told, held.profile = user.told, user.profile
    users = {key: user for key, user in known.items() if user.acted}
    profiles: dict[tuple[str, str], int] = {}
    for (account, _), user in users.items():
        if user.told is not None:
            profiles[account, user.profile] = profiles.get((account, user.profile), 0) + user.value
    found = [UserFigure(account, "user", name, user.value) for (account, name), user in users.items()]
    found += [UserFigure(account, "profile", name, value) for (account, name), value in profiles.items()]
    return sorted(found)


def _accounts_in_several(parts: Sequence[ActionsPart]) -> set[str]:
    seen: set[str] = set()
    several: set[str] = set()
    for part in parts:
        several.update(seen.intersection(part.accounts))
        seen.update(part.accounts)
    return several


def _of_slot(
    part: ActionsPart, weights: Mapping[str, int], window: Window, members: frozenset[str], scattered: set[str]
) -> list[tuple[tuple[str, str], _User]]:
    """The users that acted in the window, and those whose profile may hold for what they did in another slot."""
    users = part.users
    size = len(users.owners)
    weight = np.array([weights.get(action, 0) for action in part.actions], np.int64)
    seen, value = np.zeros(size, np.bool_), np.zeros(size, np.int64)
    elsewhere = np.array([account in scattered for account in part.accounts], np.bool_)
    for day in window.days:
        if day in users.counts:
            owner, counts = users.pairs[:, 0].astype(np.int64), users.counts[day].astype(np.int64)
            seen[owner[counts > 0]] = True
            np.add.at(value, owner, counts * weight[users.pairs[:, 1]])
    told = (users.newest["profile"] > 0) & elsewhere[users.owners]
    chosen = np.flatnonzero(seen | told)
    return [
        ((account, name), _user(part, user, value, acted=bool(seen[user])))
        for user, name in zip(chosen.tolist(), users.names(chosen), strict=True)
        if (account := part.accounts[users.owners[user]]) in members
    ]


def _user(part: ActionsPart, user: int, value: NDArray[np.int64], *, acted: bool) -> _User:
    cell = part.users.newest[user]
    if not cell["profile"]:
        return _User(acted, int(value[user]))
    told = (int(cell["timestamp"]), part.slot.partition, int(cell["offset"]))
    return _User(acted, int(value[user]), told, part.users.profiles[int(cell["profile"]) - 1])
