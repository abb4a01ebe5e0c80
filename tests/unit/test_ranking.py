import numpy as np
import pytest

from jobs.ranking import NONE, Ranks, by_actions, by_minutes, rank_accounts


def rank(
    actions: list[int], days: list[int] | None = None, cohort: list[int] | None = None, scored: list[bool] | None = None
) -> Ranks:
    size, scores = len(actions), np.array(scored or [True], np.bool_)
    standing = by_actions(
        np.array(actions, np.int64),
        np.array(days or [14] * size, np.int64),
        np.array(cohort or [0] * size, np.int64),
        scores,
    )
    return rank_accounts(standing, scores)


def rank_by_minutes(minutes: list[int], cohort: list[int] | None = None, scored: list[bool] | None = None) -> Ranks:
    scores = np.array(scored or [True], np.bool_)
    standing = by_minutes(np.array(minutes, np.int64), np.array(cohort or [0] * len(minutes), np.int64), scores)
    return rank_accounts(standing, scores)


def test_the_only_ranked_account_of_a_cohort_gets_100() -> None:
    found = rank([14])
    assert (found.score.tolist(), found.rank.tolist(), found.cohort_size.tolist()) == ([100], [1], [1])


def test_one_action_a_day_is_ranked_and_one_less_scores_0() -> None:
    found = rank([14, 13])
    assert found.score.tolist() == [100, 0]
    assert found.rank.tolist() == [1, NONE]
    assert found.cohort_size.tolist() == [1, 1]
    assert found.accounts_in_status.tolist() == [2, 2]


def test_scores_are_the_percentage_of_others_below_rounded_down_and_at_least_1() -> None:
    found = rank([20, 30, 40, 50])
    assert found.score.tolist() == [1, 33, 66, 100]
    assert found.rank.tolist() == [4, 3, 2, 1]


def test_ties_share_score_and_best_rank_and_the_next_rank_is_skipped() -> None:
    found = rank([50, 50, 40, 40, 30])
    assert found.score.tolist() == [100, 100, 25, 25, 1]
    assert found.rank.tolist() == [1, 1, 3, 3, 5]


def test_a_cohort_of_ties_gets_100_throughout() -> None:
    assert rank([14] * 5).score.tolist() == [100] * 5


def test_equal_averages_over_different_days_are_ties() -> None:
    found = rank([3, 7, 28], days=[3, 7, 14])
    assert found.rank.tolist() == [2, 2, 1]


def test_cohorts_do_not_see_each_other() -> None:
    found = rank([14, 28, 1000, 0], cohort=[0, 1, 0, 1], scored=[True, True])
    assert found.score.tolist() == [1, 100, 100, 0]
    assert found.cohort_size.tolist() == [2, 1, 2, 1]


def test_an_unscored_status_has_no_scores_no_ranks_and_no_cohort_but_counts_its_accounts() -> None:
    found = rank([14, 0, 14], cohort=[1, 1, 0], scored=[True, False])
    assert found.score.tolist() == [NONE, NONE, 100]
    assert found.rank.tolist() == [NONE, NONE, 1]
    assert found.cohort_size.tolist() == [0, 0, 1]
    assert found.accounts_in_status.tolist() == [2, 2, 1]


@pytest.mark.parametrize("scored", [[], [True]])
def test_a_run_without_accounts_is_empty(scored: list[bool]) -> None:
    empty = np.array([], np.int64)
    scores = np.array(scored, np.bool_)
    found = rank_accounts(by_actions(empty, empty, empty, scores), scores)
    assert found.score.tolist() == []


def test_by_minutes_all_accounts_of_the_status_are_ranked_and_0_minutes_give_0() -> None:
    found = rank_by_minutes([0, 5, 0, 10])
    assert found.score.tolist() == [0, 66, 0, 100]
    assert found.rank.tolist() == [NONE, 2, NONE, 1]
    assert found.cohort_size.tolist() == [4] * 4


def test_by_minutes_a_low_score_is_not_raised_and_has_no_rank_where_it_is_0() -> None:
    found = rank_by_minutes([1, *range(2, 203)])
    assert found.score.tolist()[:3] == [0, 0, 0]
    assert found.rank.tolist()[:4] == [NONE, NONE, NONE, 199]
    assert found.score.tolist()[-1] == 100


def test_by_minutes_a_status_in_which_nobody_spent_time_scores_0_throughout() -> None:
    assert rank_by_minutes([0, 0]).score.tolist() == [0, 0]
    assert rank_by_minutes([0, 0]).rank.tolist() == [NONE, NONE]


def test_by_minutes_an_unscored_status_has_no_cohort() -> None:
    found = rank_by_minutes([7, 7], cohort=[0, 1], scored=[True, False])
    assert found.score.tolist() == [100, NONE]
    assert found.cohort_size.tolist() == [1, 0]
