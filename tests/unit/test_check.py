import itertools
import json
from collections.abc import Iterable

import pytest

from schemas.exits import UsageError
from schemas.settings import Settings
from stream.check import LINES_AT_ONCE, LineVerdict, Topic, check_lines, open_lines

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
SETTINGS = Settings.model_validate(
    {"kafka_bootstrap_servers": "k:9092", "redis_url": "redis://r", "max_record_bytes": 500}
)


def action(timestamp: str = "2023-11-14T00:00:00Z", **fields: object) -> bytes:
    return json.dumps({"account_id": "a", "action": "x", "timestamp": timestamp, **fields}).encode() + b"\n"


def verdicts(lines: Iterable[bytes], topic: Topic = Topic.ACTIONS) -> list[LineVerdict]:
    return list(check_lines(lines, topic, SETTINGS, clock=lambda: NOW))


def reasons(lines: Iterable[bytes], topic: Topic = Topic.ACTIONS) -> list[str | None]:
    return [one.reason for one in verdicts(lines, topic)]


def test_each_line_gets_its_verdict_under_its_number() -> None:
    found = verdicts([action(), b"{}\n", action()])
    assert [(one.line, one.accepted) for one in found] == [(1, True), (2, False), (3, True)]
    assert found[1].reason == "missing_field"
    assert "account_id" in str(found[1].detail)


def test_every_reason_for_an_action_is_found() -> None:
    lines = [
        action(note="x" * 500),
        b"\n",
        action(action=None),
        action(user_id=5),
        action("2023-11-16T00:00:00Z"),
        action(),
        action("2020-01-01T00:00:00Z"),
    ]
    assert reasons(lines) == [
        "too_large",
        "malformed_json",
        "missing_field",
        "invalid_field",
        "timestamp_in_future",
        None,
        "before_retention",
    ]


def test_a_line_feed_is_not_part_of_the_event() -> None:
    exact = action(note="")
    padded = action(note="x" * (500 - len(exact) + 1))
    assert len(padded) == 501
    assert reasons([padded, padded.rstrip(b"\n")]) == [None, None]


def test_the_newest_day_is_remembered_over_any_number_of_lines() -> None:
    lines = itertools.chain([action()], itertools.repeat(action(), LINES_AT_ONCE), [action("2020-01-01T00:00:00Z")])
    found = verdicts(lines)
    assert [one.line for one in found if not one.accepted] == [LINES_AT_ONCE + 2]


def test_account_records_are_checked_as_if_keyed_by_their_account() -> None:
    lines = [b'{"account_id":"a","status":"Gold"}\n', b'{"account_id":"a","licenses":-1}\n', b'{"status":"Gold"}\n']
    assert reasons(lines, Topic.ACCOUNTS) == [None, "invalid_field", "missing_field"]


def test_a_file_that_cannot_be_read_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no-such-file"), open_lines("no-such-file"):
        pass
