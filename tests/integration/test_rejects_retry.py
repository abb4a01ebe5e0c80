"""`engagement-stream rejects retry`: what was refused is sent again, once, if it would be counted now."""

import json
import secrets
from pathlib import Path

import pytest

from schemas.exits import EngagementError
from stream.rejects_report import Wanted
from stream.rejects_topic import Place, Rejected
from stream.retry import Again, Choice, Fixed, Resender, select, survey
from tests.integration.live import Live, action
from tests.integration.refused import headers, held_back, listed, refused, rejects, retried, sent


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
    said = retried(three, "--reason", "limit_reached")
    assert said == "sent again: 1\nleft out, as they were sent again before: 1 (--force sends them once more)\n"
    assert len(sent(three)) == 2
    retried(three, *place, "--force")
    assert [message.value() for message in sent(three)].count(action("three")) == 2


def test_a_dry_run_says_of_each_record_what_would_become_of_it_and_sends_nothing(three: Live) -> None:
    shown, error = held_back(three, "--all", "--dry-run")
    table, counted, left_out = shown.rsplit("\n", 3)[:3]
    assert (counted, left_out) == (
        "would be sent again: 2",
        "left out, as they would be refused again: 1 (malformed_json 1)",
    )
    place, last = [three.slot().topic, "0"], table.splitlines()[3]
    assert [line.split()[:5] for line in table.splitlines()[1:]] == [
        [*place, "3", "limit_reached", "-"],
        [*place, "4", "limit_reached", "-"],
        [*place, "5", "malformed_json", "malformed_json"],
    ]
    assert "UTF-8" in last
    assert "1 would be refused again" in error
    assert sent(three) == []
    assert not any(row["retried"] for row in listed(three))


def test_what_would_be_refused_again_is_not_sent_and_stays_listed(three: Live) -> None:
    said, error = held_back(three, "--all")
    assert said == "sent again: 2\nleft out, as they would be refused again: 1 (malformed_json 1)\n"
    assert "--dry-run" in error
    assert [message.value() for message in sent(three)] == [action("three"), action("four")]
    assert [row["retried"] for row in listed(three)] == [True, True, False]
    assert held_back(three, "--all")[0].startswith("sent again: 0\nleft out, as they were sent again before: 2")


def test_a_value_that_is_corrected_wrongly_is_not_sent(three: Live, tmp_path: Path) -> None:
    file = tmp_path / "fixed.jsonl"
    place = {"topic": three.slot().topic, "partition": 0}
    lines = [place | {"offset": 5, "value": {"account_id": "acme"}}, place | {"offset": 3, "value": action().decode()}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said, _ = held_back(three, "--file", str(file))
    assert said == "sent again: 1\nleft out, as they would be refused again: 1 (missing_field 1)\n"
    assert [message.value() for message in sent(three)] == [action()]


def test_the_records_that_are_listed_can_be_edited_and_sent(three: Live, tmp_path: Path) -> None:
    rows = listed(three, "--reason", "malformed_json")
    file = tmp_path / "fixed.jsonl"
    value = json.loads(action("zürich")) | {"n": 1.50}
    file.write_text(json.dumps(rows[0] | {"value": value}, ensure_ascii=False))
    assert retried(three, "--file", str(file)) == "sent again: 1\n"
    (found,) = sent(three)
    exactly = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert (found.key(), found.value()) == (b"acme", exactly)
    assert headers(found)["retried-from-offset"] == "5"


def test_a_fix_may_bring_another_key(three: Live, tmp_path: Path) -> None:
    file = tmp_path / "fixed.jsonl"
    place = {"topic": three.slot().topic, "partition": 0, "offset": 5}
    exactly = f" {action().decode()} "
    file.write_text(json.dumps(place | {"key": "other", "value": exactly}))
    retried(three, "--file", str(file))
    (found,) = sent(three)
    assert (found.key(), found.value()) == (b"other", exactly.encode())


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
    assert retried(three, "--reason", "limit_reached") == "sent again: 2\n"


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
