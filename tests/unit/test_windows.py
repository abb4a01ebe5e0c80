import datetime as dt

import pytest

from jobs.days import Window
from jobs.figures import Figures
from jobs.inputs import ActionsPart, Inputs
from schemas.accounts import AccountEntry
from schemas.scores import ScoreBody
from store.account_records import AccountsPart
from store.layout import SlotName
from tests.parts import actions_part, figures_for

AS_OF = dt.date(2025, 6, 30).toordinal()


def actions(*days: int) -> ActionsPart:
    """One account "a" with one action on each of the days, given as days before as_of (negative: after it)."""
    counted = sorted(AS_OF - ago for ago in days)
    counts = {day: [counted.count(day)] for day in set(counted) & set(Window(AS_OF).days)}
    return actions_part(["a"], counted[:1] or [0], counts)


def record(**given: str | int | None) -> AccountsPart:
    fields = {"created_day": None, "status": None, "effective_at": None, "forgotten": False, **given}
    return AccountsPart(SlotName("t.accounts", 0), [AccountEntry(0, 0, "a", **fields)])  # type: ignore[arg-type]


def figures(*parts: ActionsPart | AccountsPart, unscored: tuple[str, ...] = ()) -> Figures:
    inputs = Inputs(
        [part for part in parts if isinstance(part, ActionsPart)],
        [part for part in parts if isinstance(part, AccountsPart)],
    )
    return figures_for(inputs, AS_OF, unscored_statuses=unscored)


def body(*parts: ActionsPart | AccountsPart) -> ScoreBody | None:
    bodies = figures(*parts).bodies()
    return bodies[0] if bodies else None


def days_considered(*parts: ActionsPart | AccountsPart) -> int | None:
    found = body(*parts)
    return found.days_considered if found else None


def test_days_are_counted_from_the_creation_of_the_account() -> None:
    assert days_considered(actions(9), record(created_day=AS_OF - 4)) == 5
    assert days_considered(actions(9), record(created_day=AS_OF)) == 1
    assert days_considered(actions(9), record(created_day=AS_OF - 13)) == 14
    assert days_considered(actions(9), record(created_day=AS_OF - 14)) == 14


def test_days_are_counted_from_the_first_action_where_no_creation_is_known() -> None:
    assert days_considered(actions(6, 2)) == 7
    assert days_considered(actions(6, 2), record(status="Gold")) == 7
    assert days_considered(actions(300, 2)) == 14


def test_an_account_with_a_record_and_no_action_has_14_days_and_scores_0() -> None:
    found = body(record(status="Gold"))
    assert found is not None
    assert (found.days_considered, found.score, found.rank, found.actions) == (14, 0, None, 0)
    assert (found.usage_frequency, found.status) == ("inactive", "Gold")


def test_an_account_created_after_the_day_is_not_in_the_run_though_it_acted() -> None:
    assert body(actions(3), record(created_day=AS_OF + 1)) is None


def test_an_account_whose_first_action_is_later_is_in_the_run_only_by_a_record() -> None:
    assert body(actions(-1)) is None
    assert days_considered(actions(-1), record()) == 14


def test_a_forgotten_account_is_in_no_run_though_it_acted() -> None:
    assert body(actions(3), record(forgotten=True)) is None


def test_actions_before_the_days_considered_add_nothing_but_their_day_counts_as_active() -> None:
    found = body(actions(9, 9, 3, 0), record(created_day=AS_OF - 4))
    assert found is not None
    assert (found.actions, found.active_days, found.average_daily_actions) == (2, 3, 0.4)


@pytest.mark.parametrize(
    ("active", "frequency"),
    [
        (1, "inactive"),
        (2, "occasionally"),
        (4, "occasionally"),
        (5, "weekly"),
        (8, "weekly"),
        (9, "daily"),
        (14, "daily"),
    ],
)
def test_usage_frequency_follows_the_active_days(active: int, frequency: str) -> None:
    found = body(actions(*range(active), 300))
    assert found is not None
    assert (found.active_days, found.usage_frequency) == (active, frequency)


def test_an_account_in_several_slots_is_one() -> None:
    other = actions(11, 4)
    other.accounts.insert(0, "b")
    moved = actions_part(other.accounts, [0, AS_OF - 11], other.counts, series=[1], partition=1)
    found = body(actions(4, 4, 0), moved)
    assert found is not None
    assert (found.account_id, found.actions, found.days_considered, found.active_days) == ("a", 5, 12, 3)


def test_accounts_come_in_the_order_of_their_utf_8_bytes() -> None:
    names = ["b", "é", "a", "😀", "￿", "B", ""]
    part = actions_part(names, [AS_OF] * len(names), {AS_OF: [1] * len(names)})
    assert [one.account_id for one in figures(part).bodies()] == sorted(names, key=str.encode)


def test_an_unscored_status_is_in_the_run_without_score() -> None:
    found = figures(actions(0), record(status="Internal"), unscored=("Internal",)).bodies()[0]
    assert (found.score, found.rank, found.cohort_size, found.accounts_in_status) == (None, None, 0, 1)


def test_no_status_is_a_cohort_of_its_own() -> None:
    found = figures(actions(0))
    assert found.bodies()[0].score == 100
    assert list(found.scores.cohorts()) == [""]


def test_a_run_without_any_account_is_empty() -> None:
    assert figures().bodies() == []
    assert figures().scores.cohorts() == {}
