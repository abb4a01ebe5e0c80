"""Ranking against the definition of DESIGN.md section 2, written down with exact fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.ranking import NONE, by_actions, rank_accounts

COHORTS = 3
accounts = st.tuples(
    st.one_of(st.integers(0, 60), st.integers(0, 2**43)), st.integers(1, 14), st.integers(0, COHORTS - 1)
)


def by_definition(one: tuple[int, int, int], all_of_them: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """(score, rank, cohort size) of one account."""
    peers = [Fraction(t, d) for t, d, cohort in all_of_them if cohort == one[2] and t >= d]
    average = Fraction(one[0], one[1])
    if one[0] < one[1]:
        return 0, NONE, len(peers)
    rank = 1 + sum(peer > average for peer in peers)
    if average == max(peers):
        return 100, rank, len(peers)
    lower = sum(peer < average for peer in peers)
    return max(1, int(Fraction(100 * lower, len(peers) - 1))), rank, len(peers)


@given(st.lists(accounts, max_size=40), st.lists(st.booleans(), min_size=COHORTS, max_size=COHORTS))
def test_every_account_is_ranked_by_the_definition(rows: list[tuple[int, int, int]], scored: list[bool]) -> None:
    actions, days, cohort = np.array(rows, np.int64).reshape(-1, 3).T
    found = rank_accounts(by_actions(actions, days, cohort, np.array(scored)), np.array(scored))
    columns = (found.score.tolist(), found.rank.tolist(), found.cohort_size.tolist())
    expected = [by_definition(row, rows) if scored[row[2]] else (NONE, NONE, 0) for row in rows]
    assert list(zip(*columns, strict=True)) == expected
    assert found.accounts_in_status.tolist() == [sum(row[2] == other[2] for other in rows) for row in rows]
