"""Licence utilisation and adoption: shares and rates, exact up to the last rounding."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def percent(users: NDArray[np.int64], licenses: NDArray[np.int64]) -> NDArray[np.float64]:
    """100 x users / licences with two decimals, half up on the exact fraction; licences above 0, shapes alike.

    The hundredths are a whole number, so their double is the one nearest to the two decimals.
    """
    return (20_000 * users + licenses) // (2 * licenses) / 100


def ratio(amounts: NDArray[np.int64], logins: NDArray[np.int64]) -> list[float | None]:
    """The double nearest to amount / logins, None without logins; both below 2**53, shape (n,)."""
    shares = amounts / np.maximum(logins, 1)
    return [share if login else None for share, login in zip(shares.tolist(), logins.tolist(), strict=True)]


def rates_of(logins: NDArray[np.int64], features: Mapping[str, NDArray[np.int64]]) -> Sequence[dict[str, float | None]]:
    """By account, the accesses of each feature per login."""
    columns = [ratio(amounts, logins) for amounts in features.values()]
    if not columns:
        return [{} for _ in range(len(logins))]
    return [dict(zip(features, row, strict=True)) for row in zip(*columns, strict=True)]
