"""Days by the calendar equal days by the standard library, for whole columns and around every change of a zone."""

import datetime as dt
import zoneinfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.exits import ConfigurationError
from schemas.moments import DAY_MS, FIRST_DAY, LAST_DAY, Calendar, parse_moment

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Africa/Monrovia",
    "Antarctica/Troll",
]
CALENDARS = {zone: Calendar(zone) for zone in ZONES}
SKIPPED = parse_moment("2011-12-30T10:00:00Z")
"""When Samoa went over the date line, and left 30 December out."""

FALLS_BACK = parse_moment("2006-10-29T02:31:00Z")
"""When Newfoundland's clocks went from 00:01 back to 23:01 of the day before."""

zones = st.sampled_from(ZONES)
moments = st.integers(parse_moment("0001-01-03T00:00:00Z"), parse_moment("9999-12-29T00:00:00Z"))
recent = st.integers(parse_moment("1965-01-01T00:00:00Z"), parse_moment("2040-01-01T00:00:00Z"))


def local_day(moment: int, zone: str) -> int:
    return (EPOCH + dt.timedelta(milliseconds=moment)).astimezone(zoneinfo.ZoneInfo(zone)).toordinal()


@settings(deadline=None, max_examples=300)
@given(zones, st.lists(moments | recent, max_size=20))
@example("Pacific/Apia", [SKIPPED - 1, SKIPPED])
@example("America/St_Johns", [FALLS_BACK - 60_001, FALLS_BACK - 60_000, FALLS_BACK - 1, FALLS_BACK])
def test_a_column_of_days_is_that_of_the_standard_library(zone: str, column: list[int]) -> None:
    days = CALENDARS[zone].days(np.array(column, np.int64))

    assert days.tolist() == [local_day(moment, zone) for moment in column]


@settings(deadline=None, max_examples=100)
@given(zones, recent, st.lists(st.integers(0, 40 * DAY_MS), min_size=1, max_size=20))
def test_a_column_of_near_days_is_that_of_the_standard_library(zone: str, start: int, steps: list[int]) -> None:
    column = [start + step for step in steps]

    days = CALENDARS[zone].days(np.array(column, np.int64))

    assert days.tolist() == [local_day(moment, zone) for moment in column]


@settings(deadline=None, max_examples=100)
@given(zones, recent, st.integers(1, 4 * DAY_MS), st.lists(moments | recent, max_size=5))
@example("Pacific/Apia", SKIPPED - DAY_MS, 2 * DAY_MS, [SKIPPED - 1, SKIPPED])
@example(
    "America/St_Johns", FALLS_BACK - DAY_MS, 2 * DAY_MS, [FALLS_BACK - 60_001, FALLS_BACK - 60_000, FALLS_BACK - 1]
)
@example("Africa/Monrovia", parse_moment("1972-01-07T00:00:00Z"), DAY_MS // 2, [parse_moment("1972-01-06T23:59:59Z")])
def test_days_with_many_moments_and_with_few_are_those_of_the_standard_library(
    zone: str, start: int, length: int, few: list[int]
) -> None:
    calendar = Calendar(zone)
    column = [start + length * i // 200 for i in range(200)] + few
    expected = [local_day(moment, zone) for moment in column]

    # The first time, days have their first moments; the second, some are known.
    for part in (slice(None), slice(None), slice(150, None)):
        assert calendar.days(np.array(column[part], np.int64)).tolist() == expected[part]


@given(zones, moments | recent)
@example("Pacific/Apia", SKIPPED - 1)
@example("Pacific/Apia", SKIPPED)
@example("America/St_Johns", FALLS_BACK - 1)
@example("Europe/Berlin", parse_moment("0001-01-01T00:00:00Z"))
@example("America/New_York", parse_moment("0001-01-01T00:00:00Z"))
@example("Asia/Kolkata", parse_moment("9999-12-31T23:59:59.999Z"))
def test_the_day_of_one_moment_is_that_of_a_column_of_it(zone: str, moment: int) -> None:
    assert CALENDARS[zone].day(moment) == CALENDARS[zone].days(np.array([moment] * 30))[0]


def questions(calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The moments that the calendar will ask its zone about: their number is the cost, exactly."""
    asked: list[int] = []
    ask = calendar._offset  # noqa: SLF001  a clock is not exact enough for the claims

    def noted(moment: int) -> int:
        asked.append(moment)
        return ask(moment)

    monkeypatch.setattr(calendar, "_offset", noted)
    return asked


def test_a_moment_costs_one_question_however_far_apart_moments_are(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = Calendar("Europe/Berlin")
    asked = questions(calendar, monkeypatch)
    spread = np.array(range(0, 200_000 * DAY_MS, 7 * DAY_MS), np.int64)

    calendar.days(spread)

    assert len(asked) == len(spread)


def test_a_day_that_comes_again_and_again_is_soon_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = Calendar("Europe/Berlin")
    asked = questions(calendar, monkeypatch)

    for _ in range(1_000):
        calendar.days(np.array([SKIPPED, SKIPPED + 5]))

    assert len(asked) < 60


@settings(deadline=None, max_examples=300)
@given(zones, st.integers(dt.date(1900, 1, 1).toordinal(), dt.date(2100, 1, 1).toordinal()))
@example("Pacific/Apia", dt.date(2011, 12, 30).toordinal())
@example("America/St_Johns", dt.date(2006, 10, 29).toordinal())
@example("America/Sao_Paulo", dt.date(2018, 11, 4).toordinal())
def test_the_first_instant_of_a_day_is_the_first_from_which_a_clock_shows_it(zone: str, day: int) -> None:
    calendar = CALENDARS[zone]

    instant = calendar.first_instant(day)

    assert calendar.day(instant) >= day
    before = instant - np.arange(1, 5 * DAY_MS, 1_800_000)
    assert (calendar.days(before) < day).all()


def test_a_day_that_a_zone_leaves_out_begins_where_the_next_does() -> None:
    days = [dt.date(2011, 12, day).toordinal() for day in (30, 31)]

    assert [CALENDARS["Pacific/Apia"].first_instant(day) for day in days] == [SKIPPED, SKIPPED]


def test_a_clock_that_falls_back_over_midnight_shows_the_old_day_again() -> None:
    calendar, day = CALENDARS["America/St_Johns"], dt.date(2006, 10, 29).toordinal()

    assert calendar.first_instant(day) == FALLS_BACK - 60_000
    assert [calendar.day(FALLS_BACK - 1), calendar.day(FALLS_BACK)] == [day, day - 1]


@pytest.mark.parametrize("zone", ZONES)
def test_the_ends_of_the_calendar_are_days_too(zone: str) -> None:
    ends = np.array([parse_moment("0001-01-01T00:00:00Z"), parse_moment("9999-12-31T23:59:59.999Z")])

    first, last = CALENDARS[zone].days(ends).tolist()

    assert FIRST_DAY <= first <= FIRST_DAY + 1
    assert LAST_DAY - 1 <= last <= LAST_DAY


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "America", "right/UTC", "localtime", "\x00", "é"])
def test_a_zone_that_does_not_exist_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no time zone"):
        Calendar(name)
