"""What moved a score since the day before, in parts that add up exactly.

"change" in docs/contracts.md, Definitions: from yesterday's score on, one thing after the other is replaced by today's:
the account's own days, the days (and the Status and coming and going) of its peers, its own Status, the configuration.
Each part is the difference that its step makes. A missing or null score counts as 0.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.ranking import Standing, score_of


@dataclass(frozen=True)
class Changes:
    """By account of today's run, shape (n,) each; `previous` is NONE where there was no score."""

    previous: NDArray[np.int64]
    own: NDArray[np.int64]
    peers: NDArray[np.int64]
    status: NDArray[np.int64]
    configuration: NDArray[np.int64]


@dataclass(frozen=True)
class Day:
    """A day under the configuration of the day before, over all accounts that are known, shape (n,) each.

    `standing` has cohort -1 and ranked False for accounts that are not in the day's run; `score` NONE for those and for
    a null score; `scored` says by cohort whether it gets scores, under the same configuration.
    """

    standing: Standing
    score: NDArray[np.int64]
    scored: NDArray[np.bool_]


def split_change(yesterday: Day, today: Day, final: NDArray[np.int64], members: NDArray[np.int64]) -> Changes:
    """Split the way from yesterday's score to `final` (today's, under today's configuration) for today's `members`."""
    own = today.standing
    at_home = yesterday.standing.cohort[members]
    cohort = np.where(at_home >= 0, at_home, own.cohort[members])
    previous = yesterday.score[members]
    steps = [
        np.maximum(previous, 0),
        _score_among(yesterday, own, members, cohort),
        _score_among(today, own, members, cohort),
        np.maximum(today.score[members], 0),
        np.maximum(final, 0),
    ]
    return Changes(previous, *(after - before for before, after in itertools.pairwise(steps)))


def _score_among(peers: Day, own: Standing, members: NDArray[np.int64], cohort: NDArray[np.int64]) -> NDArray[np.int64]:
    """The score that each member would have with its `own` value in `cohort` among all other accounts of `peers`."""
    value = own.value[members]
    takes_part = (value >= own.entry) & peers.scored[cohort]
    lower, higher, others = _compare(peers.standing, members, value, cohort)
    score = score_of(value, lower, higher, others, own.least)
    return np.where(takes_part, score, 0)


def _compare(
    peers: Standing, members: NDArray[np.int64], value: NDArray[np.int64], cohort: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """How many ranked peers of `cohort`, the account itself left out, are lower, higher, and there at all."""
    ranked = np.flatnonzero(peers.ranked)
    _, codes = np.unique(np.concatenate((peers.value[ranked], value)), return_inverse=True)
    keys = np.sort(peers.cohort[ranked] << 32 | codes[: len(ranked)])
    wanted = cohort << 32 | codes[len(ranked) :]
    start = np.searchsorted(keys, cohort << 32)
    end = np.searchsorted(keys, (cohort + 1) << 32)
    lower = np.searchsorted(keys, wanted) - start
    higher = end - np.searchsorted(keys, wanted, side="right")
    self_in = peers.ranked[members] & (peers.cohort[members] == cohort)
    held = peers.value[members]
    lower -= self_in & (held < value)
    higher -= self_in & (held > value)
    return lower, higher, end - start - self_in
