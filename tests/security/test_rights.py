"""Every command works with exactly the rights that docs/security.md grants, and says what it lacks without any of them.

One story, told in order: a system is set up and lives for some days, then its slots are rebuilt and moved.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.acceptance.engine import Finished
from tests.security.granted import Grant
from tests.security.story import (
    COUNT_SECONDS,
    DAY,
    JOBS,
    STREAM,
    Event,
    Told,
    action,
    all_counted,
    count_all,
    produce,
    succeed,
)
from tests.security.system import System
from tests.support import wait_until

pytestmark = pytest.mark.timeout(600)  # most of these run a command for each of many rights

Command = tuple[str, ...]


def test_topics_cannot_be_made_without_any_of_its_rights(secured: System, granted: dict[str, Grant]) -> None:
    create = (STREAM, "topics", "--create", "--partitions", "2")
    assert not wrong_refusals(secured, granted["engagement-topics"], [create])


def test_every_reader_is_told_what_was_published(published: Told) -> None:
    assert "score 66, rank 2 of 4" in published.explained
    assert [row["as_of"] for row in published.runs.records] == [DAY, "2023-12-01", "2023-12-02"]
    assert len(published.exported.read_text().splitlines()) == len(published.dry.records) + 1
    assert published.read.startswith("2023-12-02 revision 0: ")


def wrong_refusals(
    system: System, grant: Grant, attempts: Sequence[Command], prepare: Callable[[str], object] = lambda _: None
) -> list[str]:
    """Those of the grant's rights without which no attempt ends as it should: in one clear line that names it."""
    wrong: list[str] = []
    for right, less in grant.lacking_one():
        prepare(right)
        for attempt in attempts:
            done = attempted(system, less.user, attempt)
            if done.code != 0:
                break
        if not named(right, done):
            wrong.append(f"without {right}: exit {done.code}, {done.err[-1500:]}")
    return wrong


def attempted(system: System, user: str, command: Command) -> Finished:
    if command[0].endswith(".py"):
        return system.call(user, *command)
    return system.fork(user, *command)


def named(right: str, done: Finished) -> bool:
    """Whether the last line says what is denied, and what to do."""
    said = done.err.splitlines()[-1] if done.err else ""
    if done.code != 1 or "Traceback" in done.err or not said.startswith("error: ") or "docs/security.md" not in said:
        return False
    if " on " in right:  # Kafka's: to read or write a topic is also to describe it, so that may be what is missed
        resource = right.rsplit(maxsplit=1)[-1].removesuffix("*")
        return resource.replace("engagement.stream", "stream") in said
    what = "keys" if right.startswith("%") else right.lstrip("+")
    return "Redis denies" in said and what.upper() in said.upper()


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("engagement-runs", (JOBS, "runs")),
        ("engagement-explain", (JOBS, "explain", "intel.com", "--as-of", DAY)),
        ("engagement-daily", (JOBS, "daily", "--as-of", "2023-12-05")),
        ("engagement-subscriber", ("examples/subscriber.py", "--once")),
    ],
)
@pytest.mark.usefixtures("published")
def test_no_reader_can_do_without_any_of_its_rights(
    secured: System, granted: dict[str, Grant], user: str, command: Command
) -> None:
    stored = secured.keys()

    def prepare(_: str) -> None:
        secured.restore(stored)

    assert not wrong_refusals(secured, granted[user], [command], prepare)
    secured.restore(stored)


@pytest.mark.usefixtures("published")
def test_rejects_and_accounts_are_looked_at_with_the_rights_for_it(secured: System, tmp_path: Path) -> None:
    produce(secured, [Event("engagement.actions", 0, {"account_id": "intel.com"})])
    count_all(secured)
    listed = succeed(secured, "engagement-rejects", "-m", STREAM, "rejects", "list", "--output", "json")
    assert [one["reason"] for one in listed.records] == ["missing_field"]
    fixed = {"account_id": "intel.com", "action": "push", "timestamp": f"{DAY}T10:00:00Z"}
    file = tmp_path / "fixed.jsonl"
    file.write_text(json.dumps({**listed.records[0], "value": fixed}))
    sent = succeed(secured, "engagement-rejects", "-m", STREAM, "rejects", "retry", "--file", str(file))
    assert sent.out == "sent again: 1\n"
    seen = succeed(secured, "engagement-inspect", "-m", STREAM, "inspect", "intel.com", "--output", "json")
    assert seen.records
    come_out_of_the_canary(secured)
    for command in ("lag", "top"):
        shown = succeed(secured, "engagement-lag", "-m", STREAM, command, *(["--once"] if command == "top" else []))
        assert "unknown" not in shown.out.lower()


def come_out_of_the_canary(system: System) -> None:
    """One check of a canary, while a worker runs."""
    worker = system.start("engagement-run", "-m", STREAM, "run", "--log-format", "json")
    done = succeed(system, "engagement-canary", "-m", STREAM, "canary", "--once")
    worker.terminate()
    assert system.finish(worker).code == 0
    assert "2 events counted" in done.out


def restore(system: System, stored: dict[bytes, bytes]) -> None:
    """Make slots what they were, in a Redis that has not seen the script, with nothing committed in Kafka."""
    system.restore(stored)
    system.admin_redis.script_flush()
    wait_until(lambda: forgotten(system), COUNT_SECONDS, "a group without members")


def forgotten(system: System) -> bool:
    """Whether Kafka has no committed offsets any more; while there are members it keeps them."""
    try:
        system.admin_kafka.delete_consumer_groups(["engagement.stream"])["engagement.stream"].result()
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
    return True


def test_no_worker_counts_without_any_of_its_rights(
    counted: System, granted: dict[str, Grant], unsettled: dict[bytes, bytes]
) -> None:
    def prepare(_: str) -> None:
        restore(counted, unsettled)

    assert not wrong_refusals(counted, granted["engagement-run"], [(STREAM, "run", "--log-format", "json")], prepare)
    restore(counted, unsettled)
    count_all(counted)


def test_a_worker_that_loses_a_right_while_it_runs_stops_and_says_which(
    counted: System, unsettled: dict[bytes, bytes]
) -> None:
    restore(counted, unsettled)
    user = "engagement-run"
    worker = counted.start(user, "-m", STREAM, "run", "--log-format", "json")
    wait_until(lambda: all_counted(counted) or worker.poll() is not None, COUNT_SECONDS, "a lag of 0")
    counted.may(user, "-evalsha")
    produce(counted, [action(1)])
    done = counted.finish(worker)
    counted.may(user, "+evalsha")
    assert named("+evalsha", done), done.err


def test_no_canary_goes_out_without_any_of_its_rights(
    counted: System, granted: dict[str, Grant], unsettled: dict[bytes, bytes]
) -> None:
    def prepare(_: str) -> None:
        restore(counted, unsettled)

    assert not wrong_refusals(counted, granted["engagement-canary"], [(STREAM, "canary")], prepare)
    restore(counted, unsettled)


def test_no_slot_is_rebuilt_without_any_of_its_rights(
    counted: System, granted: dict[str, Grant], unsettled: dict[bytes, bytes]
) -> None:
    def prepare(_: str) -> None:
        restore(counted, unsettled)

    attempts = [(STREAM, "rebuild", "--topic", topic) for topic in ("accounts", "actions")]
    assert not wrong_refusals(counted, granted["engagement-rebuild"], attempts, prepare)


def test_no_gap_is_accepted_without_any_of_its_rights(
    counted: System, granted: dict[str, Grant], unsettled: dict[bytes, bytes]
) -> None:
    ends = [TopicPartition("engagement.actions", 0, 5), TopicPartition("engagement.accounts", 1, -1)]
    for deleted in counted.admin_kafka.delete_records(ends).values():
        deleted.result()

    def prepare(_: str) -> None:
        restore(counted, unsettled)

    gaps = [("actions", "0"), ("accounts", "1"), ("actions", "1"), ("accounts", "0")]
    attempts = [(STREAM, "accept-gap", "--topic", topic, "--partition", partition) for topic, partition in gaps]
    assert not wrong_refusals(counted, granted["engagement-accept-gap"], attempts, prepare)
    prepare("")
    done = succeed(counted, "engagement-accept-gap", "-m", *attempts[0])
    assert "goes on from offset 5 (stood at 0)" in done.out


def test_no_producer_can_do_without_any_of_its_rights(counted: System, granted: dict[str, Grant]) -> None:
    assert not wrong_refusals(counted, granted["engagement-producer"], [("examples/load_sample.py",)])
