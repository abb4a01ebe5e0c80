"""What a retry can tell of a record before it is sent: what its slot would say whatever that holds, and no more."""

import json
from collections import Counter

import pytest

from schemas.rejects import Reason
from stream.rejects_topic import Place, Rejected
from stream.rejudge import judged, passing
from stream.retry import Again, Fixed
from tests.parts import settings_with

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
SETTINGS = settings_with(max_record_bytes=500, max_accounts=1, max_account_records=1, topic_prefix="t.")


def action(timestamp: str = "2023-11-14T00:00:00Z", **fields: object) -> bytes:
    return json.dumps({"account_id": "a", "action": "x", "timestamp": timestamp, **fields}).encode()


def again(value: bytes | None, key: bytes | None = b"a", topic: str = "t.actions", fixed: Fixed | None = None) -> Again:
    return Again(Rejected(Place(topic, 0, 1), "too_large", "why", key, value, 0, 1), fixed)


def reasons(*records: Again) -> list[Reason | None]:
    found = judged(records, SETTINGS, clock=lambda: NOW)
    return [None if why is None else why.reason for _, why in found]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (action(note="x" * 500), Reason.TOO_LARGE),
        (b"\xff", Reason.MALFORMED_JSON),
        (None, Reason.MALFORMED_JSON),
        (action(action=None), Reason.MISSING_FIELD),
        (action(user_id=5), Reason.INVALID_FIELD),
        (action("2023-11-16T00:00:00Z"), Reason.TIMESTAMP_IN_FUTURE),
        (action("2023-11-15T22:13:20Z"), None),
    ],
)
def test_what_a_record_the_settings_and_the_clock_decide_is_known(value: bytes | None, reason: Reason | None) -> None:
    assert reasons(again(value)) == [reason]


def test_what_depends_on_the_slot_is_left_to_it() -> None:
    accounts = [again(b'{"account_id":"a"}', topic="t.accounts")] * 2
    assert reasons(again(action()), again(action("0001-01-02T00:00:00Z")), again(action(account_id="b"))) == [None] * 3
    assert reasons(*accounts) == [None, None]


def test_account_records_are_judged_with_the_key_they_are_sent_with() -> None:
    value = b'{"account_id":"a"}'
    foreign = again(value, b"b", "t.accounts")
    fixed = again(value, b"b", "t.accounts", Fixed(value, b"a"))
    assert reasons(foreign, fixed) == [Reason.INVALID_FIELD, None]
    assert reasons(again(None, topic="t.accounts")) == [None]


def test_a_fix_is_judged_instead_of_the_record() -> None:
    assert reasons(again(b"\xff", fixed=Fixed(action())), again(action(), fixed=Fixed(b"{"))) == [
        None,
        Reason.MALFORMED_JSON,
    ]


def test_records_of_both_topics_keep_their_order() -> None:
    account = again(b'{"account_id":"a"}', topic="t.accounts")
    assert reasons(account, again(b"{"), account, again(action()), again(b"{", topic="t.accounts")) == [
        None,
        Reason.MALFORMED_JSON,
        None,
        None,
        Reason.MALFORMED_JSON,
    ]


def test_a_record_of_a_topic_that_no_worker_reads_is_not_judged() -> None:
    assert reasons(again(b"{", topic="elsewhere")) == [None]


def test_those_that_pass_are_told_from_those_that_are_counted_by_reason() -> None:
    good, bad, refused = again(action()), again(b"{"), Counter[Reason]()
    assert list(passing(judged([bad, good, bad], SETTINGS), refused)) == [good]
    assert refused == {Reason.MALFORMED_JSON: 2}
