"""A detail is one printable line, whatever was received."""

import pytest

from schemas.rejects import MAX_DETAIL, Reason, quoted, reject


def test_the_reasons_are_in_the_order_in_which_they_are_judged() -> None:
    assert list(Reason) == [
        "too_large",
        "malformed_json",
        "missing_field",
        "invalid_field",
        "timestamp_in_future",
        "before_retention",
        "limit_reached",
    ]


@pytest.mark.parametrize(
    "text", ["\n" * 5000, "\x00\x1b[31m\u202e", "é" * 5000, "\ud800", "😀" * 499 + "\n\n", "a" * 500]
)
def test_a_detail_is_one_printable_line_of_at_most_500_characters(text: str) -> None:
    detail = reject(Reason.INVALID_FIELD, text).detail

    assert detail.isprintable()
    assert 1 <= len(detail.encode().decode()) <= MAX_DETAIL


def test_a_long_text_is_quoted_in_short() -> None:
    assert quoted("x" * 1000) == '"' + "x" * 57 + '..."'
    assert quoted("a\tb") == '"a\\tb"'
