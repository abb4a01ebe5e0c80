"""Moments are read by RFC 3339 exactly, one by one and by the column alike."""

import datetime as dt

import pytest

from schemas.moments import Calendar, iso_day, parse_day_or_moment, parse_moment, parse_moments

VALID = {
    "1970-01-01T00:00:00Z": 0,
    "1970-01-01t00:00:00z": 0,
    "1970-01-01T00:00:00.001Z": 1,
    "1970-01-01T00:00:00.0019999999999999999Z": 1,
    "1969-12-31T23:59:59.9999Z": -1,
    "1970-01-01T01:00:00+01:00": 0,
    "1969-12-31T16:00:00.5-08:00": 500,
    "1970-01-01T00:00:00-00:00": 0,
    "1970-01-01T23:59:00+23:59": 0,
    "2000-02-29T12:34:56.789123Z": 951_827_696_789,
    "2026-11-01T09:30:00.12+02:00": 1_793_518_200_120,
    "0001-01-01T00:00:00Z": -62_135_596_800_000,
    "0000-12-31T23:59:59-00:01": -62_135_596_800_000 + 59_000,
    "9999-12-31T23:59:59.999999999Z": 253_402_300_799_999,
}

INVALID = {
    "": "is not an RFC 3339 moment with offset",
    "2026-11-01": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00": "is not an RFC 3339 moment with offset",
    "2026-11-01 09:30:00Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00.Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00,5Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00+0100": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00+01": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00 Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00Z\n": "is not an RFC 3339 moment with offset",
    "2026-11-01T09:30:00.123456789+01:00 ": "is not an RFC 3339 moment with offset",
    "٢٠٢٦-11-01T09:30:00Z": "is not an RFC 3339 moment with offset",
    "+2026-11-01T09:30:00Z": "is not an RFC 3339 moment with offset",
    "2026-11-01T24:00:00Z": "names a time of day that does not exist",
    "2026-11-01T09:60:00Z": "names a time of day that does not exist",
    "2016-12-31T23:59:60Z": "names a time of day that does not exist",
    "2026-11-01T09:30:00+24:00": "names an offset that does not exist",
    "2026-11-01T09:30:00-01:60": "names an offset that does not exist",
    "2026-00-01T09:30:00Z": "names a month that does not exist",
    "9999-99-01T09:30:00Z": "names a month that does not exist",
    "2026-11-00T09:30:00Z": "names a day that its month does not have",
    "2026-11-31T09:30:00Z": "names a day that its month does not have",
    "1900-02-29T09:30:00Z": "names a day that its month does not have",
    "0001-01-01T00:00:00+00:01": "is outside the years 1 to 9999",
    "0000-01-01T00:00:00Z": "is outside the years 1 to 9999",
    "9999-12-31T23:59:59-00:01": "is outside the years 1 to 9999",
}


@pytest.mark.parametrize(("text", "moment"), VALID.items())
def test_a_moment_is_milliseconds_since_the_epoch_with_the_finer_cut(text: str, moment: int) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(("text", "complaint"), INVALID.items())
def test_what_is_not_exactly_rfc_3339_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_moment(text)


def test_a_column_of_mixed_forms_is_read_as_each_text_alone() -> None:
    texts = [*VALID, *INVALID, *VALID]

    moments, accepted = parse_moments(texts)

    assert accepted.tolist() == [text in VALID for text in texts]
    assert moments.tolist() == [VALID.get(text, 0) for text in texts]


@pytest.mark.parametrize("text", [*VALID, *INVALID])
def test_a_column_of_one_text_is_read_as_that_text_alone(text: str) -> None:
    moments, accepted = parse_moments([text] * 3)

    assert accepted.tolist() == [text in VALID] * 3
    assert moments.tolist() == [VALID.get(text, 0)] * 3


def test_an_empty_column_has_no_moments() -> None:
    moments, accepted = parse_moments([])

    assert len(moments) == len(accepted) == 0


def test_a_plain_date_is_that_day_whatever_the_time_zone() -> None:
    day = dt.date(2024, 2, 29).toordinal()

    assert {parse_day_or_moment("2024-02-29", Calendar(zone)) for zone in ("UTC", "Pacific/Kiritimati")} == {day}
    assert iso_day(day) == "2024-02-29"


def test_a_moment_is_the_day_that_it_falls_in_by_the_calendar() -> None:
    assert iso_day(parse_day_or_moment("2024-02-29T20:00:00Z", Calendar("UTC"))) == "2024-02-29"
    assert iso_day(parse_day_or_moment("2024-02-29T20:00:00Z", Calendar("Asia/Tokyo"))) == "2024-03-01"


@pytest.mark.parametrize("text", ["2025-02-29", "2025-13-01", "0000-12-31", "2025-1-1", "2025-01-01T00:00:00", "today"])
def test_what_is_neither_a_date_nor_a_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is |names "):
        parse_day_or_moment(text, Calendar("UTC"))
