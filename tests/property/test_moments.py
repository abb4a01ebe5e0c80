"""Moments by the column equal moments one by one, and both equal the standard library where it can tell."""

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.moments import parse_moment, parse_moments

PARTS = st.tuples(
    st.integers(0, 9999),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
)
TAILS = st.one_of(
    st.sampled_from(["Z", "z", "", "+00:00", "-00:00", "+14:00", "-23:59", "+24:00", "+00:60", "*01:00", "+01.00"]),
    st.from_regex(r"\A[+-][0-2][0-9]:[0-6][0-9]\Z"),
)
FRACTIONS = st.one_of(st.just(""), st.just("."), st.from_regex(r"\A\.[0-9]{1,12}\Z"))
SEPARATORS = st.sampled_from(["T", "T", "T", "t", " ", "\x14", "é"])


@st.composite
def near_moments(draw: st.DrawFn) -> str:
    year, month, day, hour, minute, second = draw(PARTS)
    date = f"{year:04d}-{month:02d}-{day:02d}{draw(SEPARATORS)}"
    text = f"{date}{hour:02d}:{minute:02d}:{second:02d}{draw(FRACTIONS)}{draw(TAILS)}"
    if draw(st.booleans()) and draw(st.booleans()):
        position = draw(st.integers(0, len(text) - 1))
        text = text[:position] + draw(st.sampled_from("0/:9-TZ \x00é")) + text[position + 1 :]
    return text


def one_by_one(text: str) -> int | None:
    try:
        return parse_moment(text)
    except ValueError:
        return None


@settings(deadline=None, max_examples=400)
@given(st.lists(near_moments(), max_size=30))
def test_a_column_is_read_as_each_text_alone(texts: list[str]) -> None:
    moments, accepted = parse_moments(texts)

    read = [moment if fits else None for moment, fits in zip(moments.tolist(), accepted.tolist(), strict=True)]
    assert read == [one_by_one(text) for text in texts]


@settings(deadline=None, max_examples=400)
@given(
    st.datetimes(min_value=dt.datetime(1, 1, 3), max_value=dt.datetime(9999, 12, 29)),  # noqa: DTZ001
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_what_the_standard_library_writes_is_read_to_the_same_moment(local: dt.datetime, offset: int) -> None:
    moment = local.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    expected = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)

    moments, accepted = parse_moments([moment.isoformat()])

    assert accepted.all()
    assert moments.tolist() == [expected] == [parse_moment(moment.isoformat())]
