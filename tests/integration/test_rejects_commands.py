"""`engagement-stream rejects`: what was refused is seen, and sent again once."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Message, Producer

from schemas.exits import EngagementError
from schemas.rejects import Reason, Reject, reject_headers
from stream.rejects_report import Wanted
from stream.rejects_topic import Place, Rejected
from stream.retry import Again, Choice, Fixed, Resender, select, survey
from tests.acceptance.engine import read_topic
from tests.integration.live import Live, action

ROOT = Path(__file__).parents[2]


def rejects(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "stream.cli", "rejects", *arguments]
    return subprocess.run(line, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=90, check=False)


def listed(live: Live, *arguments: str) -> list[dict[str, Any]]:
    done = rejects(live, "list", "--output", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def offsets(rows: list[dict[str, Any]]) -> list[int]:
    return [row["offset"] for row in rows]


def refused(live: Live, *arguments: str) -> str:
    done = rejects(live, "retry", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    return done.stderr


def retried(live: Live, *arguments: str) -> str:
    done = rejects(live, "retry", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refuse(live: Live, source: int, value: bytes, reason: Reason = Reason.LIMIT_REACHED, at: int = 1_000) -> None:
    """Put a reject into its topic as a worker does."""
    producer = Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers})
    headers = cast(
        "list[tuple[str, str | bytes | None]]", reject_headers(Reject(reason, "why"), live.slot().topic, 0, source)
    )
    producer.produce(live.settings.topics.rejects, value, b"acme", headers=headers, timestamp=at)
    assert producer.flush(30) == 0


def sent(live: Live, topic: str = "actions") -> list[Message]:
    return read_topic(live.settings.kafka_bootstrap_servers, live.slot(topic=topic).topic)


def headers(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in cast("list[tuple[str, bytes]]", message.headers() or [])}


@pytest.fixture
def three(live: Live) -> Live:
    """Rejects of the offsets 3, 4 and 5, the last one of another reason, the first one there twice."""
    live.topics(rejects=2)
    refuse(live, 3, action("three"))
    refuse(live, 4, action("four"), at=2_000)
    refuse(live, 5, b"\xff", Reason.MALFORMED_JSON, at=3_000)
    refuse(live, 3, action("three"), at=4_000)
    return live


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


def test_a_retried_record_has_its_value_and_key_and_says_where_it_came_from(three: Live) -> None:
    assert retried(three, "--reason", "limit_reached") == "sent again: 2\n"
    first, second = sent(three)
    assert (first.key(), first.value(), second.value()) == (b"acme", action("three"), action("four"))
    topic = three.slot().topic
    assert headers(first) == {
        "retried-from-topic": topic,
        "retried-from-partition": "0",
        "retried-from-offset": "3",
    }
    assert [row["retried"] for row in listed(three)] == [True, True, False]


def test_nothing_is_sent_twice_unless_forced(three: Live) -> None:
    place = ("--partition", "0", "--offset", "3")
    retried(three, *place)
    assert "nothing is left to send" in refused(three, *place)
    said = retried(three, "--all")
    assert said == "sent again: 2\nleft out, as they were sent again before: 1 (--force sends them once more)\n"
    assert len(sent(three)) == 3
    retried(three, *place, "--force")
    assert [message.value() for message in sent(three)].count(action("three")) == 2


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(three: Live) -> None:
    said = retried(three, "--all", "--dry-run")
    assert said.endswith("would be sent again: 3\n")
    assert "malformed_json" in said
    assert sent(three) == []
    assert not any(row["retried"] for row in listed(three))


def test_the_records_that_are_listed_can_be_edited_and_sent(three: Live, tmp_path: Path) -> None:
    rows = listed(three, "--reason", "malformed_json")
    file = tmp_path / "fixed.jsonl"
    file.write_text(json.dumps(rows[0] | {"value": {"account_id": "zürich", "n": 1.50}}, ensure_ascii=False))
    assert retried(three, "--file", str(file)) == "sent again: 1\n"
    (found,) = sent(three)
    assert (found.key(), found.value()) == (b"acme", '{"account_id":"zürich","n":1.5}'.encode())
    assert headers(found)["retried-from-offset"] == "5"


def test_a_fix_may_bring_another_key(three: Live, tmp_path: Path) -> None:
    file = tmp_path / "fixed.jsonl"
    place = {"topic": three.slot().topic, "partition": 0, "offset": 5}
    file.write_text(json.dumps(place | {"key": "other", "value": " exactly so "}))
    retried(three, "--file", str(file))
    (found,) = sent(three)
    assert (found.key(), found.value()) == (b"other", b" exactly so ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": None}, "line 2: "),
        ({"topic": "scores"}, "line 2: topic is scores; it must be "),
        ({"offset": 3}, "was named by a line before"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_sent(
    three: Live, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    good = {"topic": three.slot().topic, "partition": 0, "offset": 3, "value": "x"}
    file = tmp_path / "fixed.jsonl"
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"offset": 4} | change) + "\n")
    done = rejects(three, "retry", "--file", str(file))
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert sent(three) == []


def test_a_place_without_a_reject_is_refused_and_nothing_is_sent(three: Live, tmp_path: Path) -> None:
    assert "actions/0 offset 9 is not among the rejects" in refused(three, "--partition", "0", "--offset", "9")
    file = tmp_path / "fixed.jsonl"
    good = {"topic": three.slot().topic, "partition": 0, "offset": 3, "value": "x"}
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"offset": 9}))
    assert "offset 9 is not among the rejects" in refused(three, "--file", str(file))
    assert sent(three) == []


@pytest.mark.parametrize(
    "arguments", [(), ("--all", "--reason", "too_large"), ("--partition", "0"), ("--offset", "1"), ("--dry-run",)]
)
def test_what_to_send_must_be_chosen_in_one_way(three: Live, arguments: tuple[str, ...]) -> None:
    done = rejects(three, "retry", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def of(live: Live, offset: int, partition: int = 0) -> Rejected:
    return Rejected(Place(live.slot().topic, partition, offset), "limit_reached", "why", b"acme", action(), 0, 1)


def test_records_and_marks_of_a_retry_that_fails_are_not_there_at_all(three: Live) -> None:
    records = [Again(of(three, 3), None), Again(of(three, 4, partition=7), None)]
    with pytest.raises(EngagementError, match="sent for sure: 0; run again, none is sent twice"):
        Resender(three.settings).send(records)
    assert sent(three) == []
    assert not any(row["retried"] for row in listed(three))
    assert retried(three, "--all") == "sent again: 3\n"


def test_a_record_that_its_topic_does_not_take_is_said_to_be_too_large(live: Live) -> None:
    live.topics(max_message_bytes="1000")
    done = Again(of(live, 3), Fixed(secrets.token_bytes(5_000)))
    with pytest.raises(EngagementError, match=r"larger than its input topic takes; raise max\.message\.bytes"):
        Resender(live.settings).send([done])
    assert sent(live) == []


def test_of_two_retries_at_once_the_older_one_sends_nothing(three: Live) -> None:
    older = Resender(three.settings)
    newer = Resender(three.settings)
    assert newer.send([Again(of(three, 3), None)]) == 1
    with pytest.raises(EngagementError, match="another `engagement-stream rejects retry` took over; sent for sure: 0"):
        older.send([Again(of(three, 3), None)])
    assert len(sent(three)) == 1


def test_a_reject_that_is_there_twice_is_sent_once() -> None:
    one = Rejected(Place("actions", 0, 3), "limit_reached", "why", None, b"x", 0, 1)
    choice = Choice(Wanted())
    found = survey([one, one], choice)
    assert [again.rejected for again in select([one, one], choice, found)] == [one]


def test_after_a_limit_is_raised_its_rejects_can_be_counted(live: Live) -> None:
    live.topics()
    tight = live.given(ENGAGEMENT_MAX_ACCOUNTS="1")
    live.produce([action(), action("other"), action("other"), action()])
    with tight.worker():
        live.wait_stored(4)
    live.assert_counted({"acme": 2})
    assert [row["retried"] for row in listed(live, "--reason", "limit_reached")] == [False, False]
    retried(live, "--reason", "limit_reached")
    with live.worker():
        live.wait_stored(7)  # two records and the marker of their transaction
    live.assert_counted({"acme": 2, "other": 2})
