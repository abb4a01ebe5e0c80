"""`engagement-stream rejects list`: what was refused is seen."""

import json
from typing import Any

from tests.integration.live import Live, action
from tests.integration.refused import listed, rejects, retried


def offsets(rows: list[dict[str, Any]]) -> list[int]:
    return [row["offset"] for row in rows]


def test_each_refused_record_is_listed_once_with_its_place_and_reason(three: Live) -> None:
    rows = listed(three)
    assert offsets(rows) == [3, 4, 5]
    assert rows[1] == {
        "topic": three.slot().topic,
        "partition": 0,
        "offset": 4,
        "reason": "limit_reached",
        "detail": "why",
        "at": "1970-01-01T00:00:02.000+00:00",
        "retried": False,
        "key": "acme",
        "size": len(action("four")),
        "value": action("four").decode(),
    }
    assert (rows[2]["value"], rows[2]["size"]) == (None, 1)


def test_the_newest_ones_are_shown_where_there_are_too_many(three: Live) -> None:
    done = rejects(three, "list", "--output", "json", "--limit", "2")
    assert offsets([json.loads(line) for line in done.stdout.splitlines()]) == [4, 5]
    assert (done.returncode, done.stderr) == (0, "The newest 2 of 3; more with --limit.\n")


def test_rejects_are_chosen_by_reason_topic_and_moment(three: Live) -> None:
    assert offsets(listed(three, "--reason", "malformed_json")) == [5]
    assert listed(three, "--topic", "accounts") == []
    assert offsets(listed(three, "--since", "1970-01-01T00:00:03Z")) == [5, 3]
    assert listed(three, "--since", "2020-01-01") == []


def test_the_table_ends_with_how_many_there_are_by_reason(three: Live) -> None:
    retried(three, "--partition", "0", "--offset", "4")
    done = rejects(three, "list")
    rows = [line.split()[:4] for line in done.stdout.split("\n\n")[1].splitlines()]
    topic = three.slot().topic
    assert rows[1:] == [[topic, "limit_reached", "2", "1"], [topic, "malformed_json", "1", "0"]]
    assert "(1 bytes)" in done.stdout


def test_without_rejects_the_list_is_empty(live: Live) -> None:
    live.topics()
    assert listed(live) == []
    assert rejects(live, "list").returncode == 0
