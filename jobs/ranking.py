"""Scores and ranks among the accounts of one Status, exact and vectorised.

The formula is DESIGN.md section 2, "engagement score": an account under one action a day on average scores 0; the
others are a cohort of n, and one with L strictly lower averages scores max(1, floor(100 L / (n - 1))), the highest
average 100. That is the percentile rank of an average among the others of its cohort, cut to whole percents.

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


def rank_accounts(
    actions: NDArray[np.int64], days: NDArray[np.int64], cohort: NDArray[np.int64], scored: NDArray[np.bool_]
) -> Ranks:
    """Rank every account within its cohort.

    `actions` T >= 0 (below 2**44), `days` D of 1 to 14, `cohort` a number from 0 that stands for the Status, all of
    shape (n,); `scored` (cohorts,) is False for a Status that gets no scores.
    """
    size = len(scored)
    accounts = np.bincount(cohort, minlength=size)
    ranked = np.flatnonzero((actions >= days) & scored[cohort])
    sizes = np.bincount(cohort[ranked], minlength=size)
    score = np.where(scored[cohort], 0, NONE)
    rank = np.full(len(actions), NONE)
    lower, higher = _lower_and_higher(actions[ranked] * SCALE // days[ranked], cohort[ranked], sizes)
    others = np.maximum(sizes[cohort[ranked]] - 1, 1)
    score[ranked] = np.where(higher == 0, 100, np.maximum(1, 100 * lower // others))
    rank[ranked] = 1 + higher
    return Ranks(score, rank, sizes[cohort], accounts[cohort])


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
