"""Which actions count and which are late, by the log alone."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.moments import DAY_MS, EPOCH_DAY
from schemas.rejects import Reason
from stream.judge import FUTURE_MS, DayBounds, Times, Verdict, judge, refusal

DAY = dt.date(2026, 11, 20).toordinal()
NEVER_BEFORE = DayBounds(0, 0, 0, 3, 400)


def times(*days: int, ahead: int = 0) -> Times:
    """Records of these days, each ``ahead`` ms ahead of its own timestamp."""
    moments = (np.array(days, np.int64) - EPOCH_DAY) * DAY_MS
    return Times(moments, moments - ahead, np.array(days, np.int64))


def bounds(newest_day: int = DAY, closed_through: int = 0, pruned_before: int = 0) -> DayBounds:
    return DayBounds(newest_day, closed_through, pruned_before, 3, 400)


def test_an_action_that_is_lateness_days_older_is_in_time_and_one_day_more_is_late() -> None:
    verdict = judge(times(DAY - 3, DAY - 4), bounds())

    assert verdict.late.tolist() == [False, True]
    assert verdict.counted.all()


def test_an_action_that_is_retention_days_older_counts_and_one_day_more_does_not() -> None:
    verdict = judge(times(DAY - 400, DAY - 401), bounds())

    assert verdict.counted.tolist() == [True, False]


def test_the_first_action_of_a_partition_is_neither_late_nor_too_old() -> None:
    verdict = judge(times(1), NEVER_BEFORE)

    assert (verdict.counted.tolist(), verdict.late.tolist(), verdict.newest_day) == ([True], [False], 1)


def test_an_action_is_judged_by_the_records_before_it_in_the_log() -> None:
    verdict = judge(times(DAY - 10, DAY, DAY - 10), NEVER_BEFORE)

    assert verdict.late.tolist() == [False, False, True]


@pytest.mark.parametrize(("ahead", "counts"), [(FUTURE_MS, True), (FUTURE_MS + 1, False)])
def test_an_action_may_be_a_day_ahead_of_its_own_timestamp(ahead: int, counts: bool) -> None:  # noqa: FBT001  a table
    verdict = judge(times(DAY + 1, ahead=ahead), bounds())

    assert verdict.counted.tolist() == [counts]
    assert verdict.newest_day == DAY + counts


@pytest.mark.parametrize("timestamp", [2**63 - 1, 2**63 - FUTURE_MS])
def test_no_timestamp_is_too_great_to_compare_with(timestamp: int) -> None:
    one = times(DAY)

    assert judge(Times(one.moments, np.array([timestamp], np.int64), one.days), bounds()).counted.all()


def test_records_that_do_not_count_never_move_the_newest_day() -> None:
    ahead = times(DAY + 900, ahead=FUTURE_MS + 1)
    after = times(DAY - 500, DAY)
    both = Times(*(np.concatenate([getattr(ahead, name), getattr(after, name)]) for name in Times.__slots__))

    verdict = judge(both, bounds())

    assert verdict.counted.tolist() == [False, False, True]
    assert verdict.newest_day == DAY


def test_closed_and_pruned_days_stay_so_whatever_the_settings_say_now() -> None:
    verdict = judge(times(DAY - 1, DAY - 2), bounds(closed_through=DAY - 1, pruned_before=DAY - 1))

    assert verdict.late.tolist() == [True, True]
    assert verdict.counted.tolist() == [True, False]


def test_no_records_leave_the_newest_day_where_it_is() -> None:
    assert judge(times(), bounds()).newest_day == DAY


@given(st.lists(st.tuples(st.integers(DAY - 500, DAY + 500), st.booleans()), max_size=30), st.integers(0, 30))
def test_where_a_batch_ends_makes_no_difference(records: list[tuple[int, bool]], cut: int) -> None:
    days = np.array([day for day, _ in records], np.int64)
    moments = (days - EPOCH_DAY) * DAY_MS
    stamps = moments - np.array([FUTURE_MS + future for _, future in records], np.int64)

    whole = judge(Times(moments, stamps, days), NEVER_BEFORE)

    first = judge(Times(moments[:cut], stamps[:cut], days[:cut]), NEVER_BEFORE)
    second = judge(Times(moments[cut:], stamps[cut:], days[cut:]), bounds(first.newest_day))
    for mask in ("future", "too_old", "late", "counted"):
        assert getattr(whole, mask).tolist() == [*getattr(first, mask), *getattr(second, mask)]
    assert whole.newest_day == second.newest_day


def refused(one: Times, stood_at: DayBounds) -> tuple[Reason, str]:
    verdict: Verdict = judge(one, stood_at)
    found = refusal(verdict, one, 0, stood_at)
    return found.reason, found.detail


def test_a_refusal_says_by_how_much_a_clock_is_ahead() -> None:
    reason, detail = refused(times(DAY, ahead=FUTURE_MS + 3_600_000), bounds())

    assert reason is Reason.TIMESTAMP_IN_FUTURE
    assert "25.0 hours" in detail


def test_a_refusal_names_both_days_and_the_setting() -> None:
    reason, detail = refused(times(DAY - 401), bounds())

    assert reason is Reason.BEFORE_RETENTION
    assert "2025-10-15" in detail
    assert "2026-11-20" in detail
    assert "retention_days (400)" in detail


def test_an_action_both_too_old_and_ahead_of_its_timestamp_is_in_the_future() -> None:
    reason, _ = refused(times(DAY - 401, ahead=FUTURE_MS + 1), bounds())

    assert reason is Reason.TIMESTAMP_IN_FUTURE
