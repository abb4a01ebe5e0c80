import datetime as dt

import pytest

from jobs.days import iso
from jobs.span import Span, plan_span, summary
from schemas.exits import UsageError
from schemas.manifest import Manifest, RunConfig

DAY = dt.date(2025, 6, 30).toordinal()
CONFIG = RunConfig("UTC", "actions", 3, 400, (), {}, (), ())


def runs(*days: int) -> list[Manifest]:
    return [Manifest("r", iso(DAY + day), 0, 1, "v", CONFIG, {}, {}, "d") for day in days]


def planned(first: int, last: int, *published: int) -> Span:
    return plan_span(DAY + first, DAY + last, runs(*published))


def days(first: int, last: int) -> range:
    return range(DAY + first, DAY + last + 1)


def test_with_nothing_published_every_day_is_to_do() -> None:
    assert planned(0, 4) == Span(days(0, 4), 0, 0)


def test_published_days_are_skipped_and_the_work_goes_on_after_them() -> None:
    assert planned(0, 4, 0, 1) == Span(days(2, 4), 2, 0)
    assert planned(2, 4, 1) == Span(days(2, 4), 0, 0)
    assert planned(0, 4, 0, 1, 1) == Span(days(2, 4), 2, 0)


def test_a_span_that_is_all_published_leaves_nothing_to_do() -> None:
    assert not planned(0, 1, 0, 1, 2, 3).todo
    assert planned(0, 1, 0, 1, 2, 3).done == 2


def test_days_older_than_the_newest_run_are_counted_as_missed() -> None:
    assert planned(0, 5, 0, 3) == Span(days(4, 5), 2, 2)


def test_a_gap_after_the_newest_run_is_refused_with_the_day_to_begin_with() -> None:
    with pytest.raises(UsageError, match=f"leaves out 2 days .*{iso(DAY)}.*give --from {iso(DAY + 1)}, or publish"):
        planned(3, 4, 0)


def test_the_summary_says_what_was_done_and_from_where_to_go_on() -> None:
    span = planned(0, 5, 0, 3)
    said = summary(DAY, DAY + 5, span, 1)
    assert said.startswith(
        "2025-06-30 to 2025-07-05: published 1 day, skipped 2 published before, left out 2 that are "
    )
    assert said.endswith(", 1 not done yet: run again to go on from 2025-07-05")
    assert summary(DAY, DAY + 1, planned(0, 1), 2) == "2025-06-30 to 2025-07-01: published 2 days"
