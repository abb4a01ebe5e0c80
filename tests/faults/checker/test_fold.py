"""The checker's fold against the other plain fold, which was written apart from it."""

from collections import Counter
from dataclasses import asdict
from random import Random

import pytest

from tests.faults.checker.fold import ActionFold, Figures
from tests.faults.checker.report import Rules
from tests.property.generated_log import ZONES, log_of, random_draws
from tests.property.plain_slot import PlainRules, PlainSlot


def flat(figures: Figures) -> dict[str, object]:
    """In the form of the other fold."""
    open_minutes = Counter((account, day) for day, pairs in figures.open_minutes.items() for (account, _), _ in pairs)
    closed = {(account, day): n for day, of_day in figures.closed_minutes.items() for account, n in of_day.items()}
    return {
        "counts": {
            (account, day, name): n for day, one in figures.counts.items() for (account, name), n in one.items()
        },
        "user_counts": {
            (who, day, name): n for day, one in figures.user_counts.items() for (who, name), n in one.items()
        },
        "active": figures.active,
        "minutes": {**open_minutes, **closed},
        "first_day": figures.first_day,
        "profiles": {who: profile for who, (_, _, profile) in figures.profiles.items()},
    }


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("retention_days", [6, 400])
def test_both_plain_folds_come_to_the_same_figures(zone: str, retention_days: int) -> None:
    records = log_of(random_draws(Random(7), 6_000, names=40), zone)
    other = PlainSlot(PlainRules(zone, 2, retention_days, user_scores=True)).count(records)
    fold = ActionFold(Rules(zone, 2, retention_days, user_scores=True))
    refused = {one.offset: why for one in records if (why := fold.take(one.offset, one.timestamp, None, one.value))}
    due = other.figures()
    assert flat(fold.figures) == {name: getattr(due, name) for name in flat(fold.figures)}
    totals = asdict(fold.totals) | {"rejected": len(refused)}
    assert totals == {name: getattr(due, name) for name in totals}
    assert {"timestamp_in_future", "malformed_json", "missing_field"} <= set(refused.values())
    assert refused.keys() == other.reasons.keys()
