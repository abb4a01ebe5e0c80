"""Scores and ranks among the accounts of one Status, exact and vectorised.

The formula is "engagement score" in docs/contracts.md, Definitions: an account under one action a day on average scores
0; the others are a cohort of n, and one with L strictly lower averages scores max(1, floor(100 L / (n - 1))), the
highest average 100. That is the percentile rank of an average among the others of its cohort, cut to whole percents.

With score_basis "time_spent" the minutes of 14 days take the place of the average, all accounts of the Status take
part, 0 minutes give 0, and no score is raised to 1.

Averages T / D are compared as whole numbers T * 360360 / D: 360360 is the least common multiple of 1 to 14, so the
division leaves no remainder for any D of a 14-day window, and equal averages are equal numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE = 360_360
NONE = -1
"""A score or rank that is null."""


@dataclass(frozen=True)
class Ranks:
    """By account, shape (n,): score 0 to 100 or NONE, rank from 1 or NONE, ranked and all accounts of its cohort."""

    score: NDArray[np.int64]
    rank: NDArray[np.int64]
    cohort_size: NDArray[np.int64]
    accounts_in_status: NDArray[np.int64]


@dataclass(frozen=True)
class Standing:
    """What accounts are compared by, shape (n,) each, and how.

    `value` whole numbers >= 0 in the order of the averages (or minutes); `ranked` who takes part; `cohort` a number
    from 0 that stands for the Status; `entry` the lowest value that takes part; `least` the lowest score of a ranked
    account whose value is above 0.
    """

    value: NDArray[np.int64]
    ranked: NDArray[np.bool_]
    cohort: NDArray[np.int64]
    entry: int
    least: int


def by_actions(
    actions: NDArray[np.int64], days: NDArray[np.int64], cohort: NDArray[np.int64], scored: NDArray[np.bool_]
) -> Standing:
    """Compare by average: `actions` T >= 0 (below 2**44) in `days` D of 1 to 14; `scored` (cohorts,) by Status."""
    return Standing(actions * SCALE // days, (actions >= days) & scored[cohort], cohort, entry=SCALE, least=1)


def by_minutes(minutes: NDArray[np.int64], cohort: NDArray[np.int64], scored: NDArray[np.bool_]) -> Standing:
    """Compare all accounts of a Status by the minutes of 14 days: the definition of 2012."""
    return Standing(minutes, scored[cohort], cohort, entry=0, least=0)


def rank_accounts(standing: Standing, scored: NDArray[np.bool_]) -> Ranks:
    """Rank every account within its cohort; `scored` (cohorts,) is False for a Status that gets no scores."""
    cohort, size = standing.cohort, len(scored)
    ranked = np.flatnonzero(standing.ranked)
    sizes = np.bincount(cohort[ranked], minlength=size)
    lower, higher = _lower_and_higher(standing.value[ranked], cohort[ranked], sizes)
    score = np.where(scored[cohort], 0, NONE)
    score[ranked] = score_of(standing.value[ranked], lower, higher, sizes[cohort[ranked]] - 1, standing.least)
    rank = np.full(len(score), NONE)
    rank[ranked] = 1 + higher
    rank[score <= 0] = NONE
    return Ranks(score, rank, sizes[cohort], np.bincount(cohort, minlength=size)[cohort])


def score_of(
    value: NDArray[np.int64],
    lower: NDArray[np.int64],
    higher: NDArray[np.int64],
    others: NDArray[np.int64],
    least: int,
) -> NDArray[np.int64]:
    """The score of ranked accounts, each with so many `lower` and `higher` ones among its `others`."""
    share = np.maximum(least, 100 * lower // np.maximum(others, 1))
    return np.where(value == 0, 0, np.where(higher == 0, 100, share))


def _lower_and_higher(
    average: NDArray[np.int64], cohort: NDArray[np.int64], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each account, how many of its cohort have a strictly lower and a strictly higher average."""
    if not len(average):
        return average, average
    order = np.lexsort((average, cohort))
    by_cohort, by_average = cohort[order], average[order]
    starts = np.flatnonzero(
        np.concatenate(([True], (by_cohort[1:] != by_cohort[:-1]) | (by_average[1:] != by_average[:-1])))
    )
    ends = np.append(starts[1:], len(order))
    of_group = by_cohort[starts]
    cohort_ends = np.cumsum(sizes)[of_group]
    lengths = ends - starts
    lower, higher = np.empty_like(average), np.empty_like(average)
    lower[order] = np.repeat(starts - (cohort_ends - sizes[of_group]), lengths)
    higher[order] = np.repeat(cohort_ends - ends, lengths)
    return lower, higher
