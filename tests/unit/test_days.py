import pytest

from jobs.days import Window, iso, parse_day
from schemas.exits import UsageError


def test_a_window_is_the_days_that_end_with_its_last() -> None:
    window = Window(parse_day("2025-03-05"))
    assert [iso(day) for day in window.days][::13] == ["2025-02-20", "2025-03-05"]


@pytest.mark.parametrize(
    "text", ["2025-02-30", "20250301", "2025-W09-6", "yesterday", "", "2025-3-1", "0001-01-05", "9999-12-31"]
)
def test_what_is_no_day_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--as-of"):
        parse_day(text)
