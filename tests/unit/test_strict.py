"""The exact decoding: reasons in their order, keys of account records, and details that name the fix."""

import pytest

from schemas.accounts import AccountEntry
from schemas.events import ActionEvent
from schemas.moments import Calendar
from schemas.rejects import Reason, Reject
from stream.strict import strict_account, strict_action

LIMIT = 1000
EVENT = b'{"account_id": "a", "action": "b", "timestamp": "2026-11-01T09:30:00Z"%s}'


def refused(value: bytes | None) -> Reject:
    decoded = strict_action(value, LIMIT)
    assert isinstance(decoded, Reject)
    return decoded


def account(key: bytes | None, value: bytes | None) -> AccountEntry | Reject:
    calendar = Calendar("Asia/Tokyo")
    return strict_account(key, value, offset=7, timestamp=8, max_record_bytes=LIMIT, calendar=calendar)


def reason_of_account(key: bytes | None, value: bytes | None) -> Reason | None:
    decoded = account(key, value)
    return decoded.reason if isinstance(decoded, Reject) else None


def test_an_event_is_read_to_what_it_says() -> None:
    event = strict_action(EVENT % b', "user_id": "u", "user_profile": null, "x": [{}]', LIMIT)

    assert event == ActionEvent("a", "b", "2026-11-01T09:30:00Z", user_id="u")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[" * (LIMIT + 1), Reason.TOO_LARGE),
        (b" " * (LIMIT - len(EVENT % b"")) + EVENT % b"", None),
        (b" " * (LIMIT - len(EVENT % b"") + 1) + EVENT % b"", Reason.TOO_LARGE),
        (None, Reason.MALFORMED_JSON),
        (b"", Reason.MALFORMED_JSON),
        (b'{"account_id": 5, "action": "b"', Reason.MALFORMED_JSON),
        (b'{"account_id": 5, "action": ""}', Reason.MISSING_FIELD),
        (b'{"account_id": 5, "action": "b", "timestamp": null}', Reason.MISSING_FIELD),
        (EVENT % b', "account_id": null', Reason.MISSING_FIELD),
        (EVENT % b', "user_id": ""', Reason.INVALID_FIELD),
        (EVENT % b', "user_id": "", "user_id": null', None),
    ],
)
def test_the_first_reason_that_fits_the_whole_record_is_given(value: bytes | None, reason: Reason | None) -> None:
    decoded = strict_action(value, LIMIT)

    assert (decoded.reason if isinstance(decoded, Reject) else None) == reason


@pytest.mark.parametrize(("levels", "accepted"), [(1024, True), (1025, False), (100_000, False)])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_1024_levels_are_taken_and_one_more_is_not(levels: int, accepted: bool, opening: bytes, closing: bytes) -> None:  # noqa: FBT001
    nested = opening * (levels - 2) + b"[]" + closing * (levels - 2)

    decoded = strict_action(EVENT % b', "x": %s' % nested, 10_000_000)

    assert isinstance(decoded, ActionEvent) == accepted


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        (b', "user_id": 5', ["user_id", "5", "number", "double quotes"]),
        (b', "user_id": {}', ["user_id", "an object"]),
        (b', "user_id": ""', ["user_id", '""', "0 characters", "1 to 256"]),
        (b', "timestamp": "2026-02-30T00:00:00Z"', ["timestamp", "2026-02-30", "day", "2026-11-01T09:30:00Z"]),
        (b', "timestamp": "yesterday"', ["timestamp", "yesterday", "RFC 3339"]),
    ],
)
def test_a_detail_names_the_field_what_is_wrong_and_the_fix(extra: bytes, parts: list[str]) -> None:
    detail = refused(EVENT % extra).detail

    assert [part for part in parts if part not in detail] == []


def test_a_detail_of_malformed_json_says_where() -> None:
    assert "character 12" in refused(b'{"a": [1, 2 3]}').detail
    assert "byte 7" in refused(b'{"a": "\xff"}').detail


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b'{"a": "x', "unterminated string"),
        (b'{"a": "x\n"}', "control character"),
        (b'{"a": 1} {', "extra data at character 9"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'["a"]', "expected an object"),
        (b"[" * LIMIT, "at character"),
    ],
)
def test_a_detail_of_malformed_json_says_what_is_wrong(value: bytes, said: str) -> None:
    assert said in refused(value).detail


def test_every_missing_field_is_named() -> None:
    assert refused(b"{}").detail.startswith("account_id, action, timestamp: ")


def test_an_account_record_is_read_to_what_it_says() -> None:
    moments = b'"created_at": "1970-01-01T20:00:00Z", "effective_at": "1970-01-01T00:00:01Z"'
    value = b'{"account_id": "a", "licenses": -0, %s}' % moments

    entry = AccountEntry(7, 8, "a", forgotten=False, effective_at=1000, status=None, licenses=0, created_day=719_164)
    assert account(b"a", value) == entry


def test_a_null_value_forgets_the_account_of_its_key() -> None:
    assert account(b"caf\xc3\xa9", None) == AccountEntry(7, 8, "café", forgotten=True)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, None, Reason.MISSING_FIELD),
        (b"", None, Reason.INVALID_FIELD),
        (b"\xff", None, Reason.INVALID_FIELD),
        (b"a" * 257, None, Reason.INVALID_FIELD),
        ("é".encode() * 256, None, None),
        (None, b'{"account_id": "a"}', Reason.INVALID_FIELD),
        (b"b", b'{"account_id": "a"}', Reason.INVALID_FIELD),
        (b"\xff", b'{"account_id": "a"}', Reason.INVALID_FIELD),
        (None, b"{}", Reason.MISSING_FIELD),
        (None, b"[]", Reason.MALFORMED_JSON),
        (b"a", b"", Reason.MALFORMED_JSON),
        (b"a", b" " * (LIMIT + 1), Reason.TOO_LARGE),
        (b"a", b'{"account_id": "\\u0061"}', None),
    ],
)
def test_the_key_of_an_account_record_is_its_account(
    key: bytes | None, value: bytes | None, reason: Reason | None
) -> None:
    assert reason_of_account(key, value) == reason
