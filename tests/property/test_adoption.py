"""Shares and rates against exact fractions."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.adoption import percent, rates_of, ratio
from schemas.accounts import MAX_LICENSES

users = st.integers(0, 50_000_000)
licenses = st.one_of(st.integers(1, 40), st.integers(1, 10**7), st.integers(1, MAX_LICENSES))
counts = st.one_of(st.integers(0, 50), st.integers(0, 2**53 - 1))


@given(st.lists(st.tuples(users, licenses), min_size=1))
def test_a_share_is_rounded_half_up_on_the_exact_fraction(pairs: list[tuple[int, int]]) -> None:
    active, of = np.array(pairs, np.int64).T
    hundredths = [Decimal(int(Fraction(20_000 * a + n, 2 * n))) for a, n in pairs]
    assert percent(active, of).tolist() == [float(one / 100) for one in hundredths]


def test_half_a_hundredth_goes_up() -> None:
    assert percent(np.array([1, 3]), np.array([32, 160])).tolist() == [3.13, 1.88]
    exact = Decimal(100) / Decimal(32)
    assert exact.quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal("3.13")


@given(st.lists(st.tuples(counts, counts), max_size=20))
def test_a_rate_is_the_double_nearest_to_the_fraction_and_null_without_logins(pairs: list[tuple[int, int]]) -> None:
    amounts, logins = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [float(Fraction(amount, login)) if login else None for amount, login in pairs]
    assert ratio(amounts, logins) == expected
    assert rates_of(logins, {"a": amounts, "b": logins}) == [
        {"a": rate, "b": 1.0 if login else None} for rate, (_, login) in zip(expected, pairs, strict=True)
    ]
    assert rates_of(logins, {}) == [{}] * len(pairs)
