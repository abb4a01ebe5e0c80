"""`engagement-stream inspect` shows what Redis holds of an account."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from store import layout
from tests.integration.live import Live, action

ROOT = Path(__file__).parents[2]


def inspect(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "stream.cli", "inspect", *arguments]
    return subprocess.run(line, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=90, check=False)


def inspected(live: Live, *arguments: str) -> dict[str, Any]:
    done = inspect(live, *arguments, "--output", "json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def record(**fields: object) -> bytes:
    return json.dumps({"account_id": "acme", **fields}).encode()


@pytest.fixture
def counted(live: Live, produce_records: Callable[..., None]) -> Live:
    """Two partitions with `acme`, a neighbour in between, a day that is closed and one that is open."""
    live.topics(actions=2)
    live.produce(
        [action("other", day="2025-06-19"), action(day="2025-06-20"), action(day="2025-06-20", minute=1, user_id="v")]
    )
    live.produce([action(), action(), action(action="export", user_id="v", minute=1), action("other", user_id="w")])
    live.produce([action(day="2025-06-29")], partition=1)
    produce_records(record(status="Gold", licenses=5), record(status="Tin", effective_at="2999-01-01T00:00:00Z"))
    with live.worker():
        live.wait_stored(7)
        live.wait_stored(1, partition=1)
        live.wait_stored(2, topic="accounts")
        live.produce([action("other")])  # the checkpoint of this one puts the first one's strings into their keys
        live.wait_stored(8)
    return live


@pytest.fixture
def produce_records(live: Live) -> Callable[..., None]:
    """Produce records of the account `acme` with its key."""

    def produce(*values: bytes) -> None:
        producer = Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers})
        for value in values:
            producer.produce(live.settings.topics.accounts, value, b"acme", partition=0)
        assert producer.flush(30) == 0

    return produce


def test_an_account_is_shown_in_every_slot_that_knows_it(counted: Live) -> None:
    first, second = inspected(counted, "acme")["slots"]
    assert (first["partition"], first["dense_id"], first["users"], first["first_day"]) == (0, 1, 2, "2025-06-20")
    assert (first["newest_day"], first["timezone"], first["next_offset"]) == ("2025-06-30", "UTC", 8)
    assert first["days"] == [
        {"day": "2025-06-20", "actions": {"click": 2}, "active_users": 2, "minutes": 2, "closed": True},
        {"day": "2025-06-30", "actions": {"click": 2, "export": 1}, "active_users": 2, "minutes": 2, "closed": False},
    ]
    assert (second["partition"], second["dense_id"], second["users"]) == (1, 0, 1)
    assert [day["day"] for day in second["days"]] == ["2025-06-29"]


def test_days_before_the_last_ones_are_left_out(counted: Live) -> None:
    first, _ = inspected(counted, "acme", "--days", "2")["slots"]
    assert [day["day"] for day in first["days"]] == ["2025-06-30"]


def test_its_records_are_shown_with_the_one_that_is_in_force_now(counted: Live) -> None:
    now, later = inspected(counted, "acme")["records"]
    assert (now["offset"], now["status"], now["licenses"], now["in_force"]) == (0, "Gold", 5, True)
    assert (later["offset"], later["status"], later["effective_at"], later["in_force"]) == (
        1,
        "Tin",
        "2999-01-01T00:00:00+00:00",
        False,
    )


def test_the_tables_for_people_hold_the_same(counted: Live) -> None:
    done = inspect(counted, "acme")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    slot = str(counted.slot())
    assert [slot, "2025-06-20", "click", "2", "2", "2", "closed"] in rows
    assert [slot, "2025-06-30", "export", "1", "-", "-"] in rows
    assert [str(counted.slot(topic="accounts")), "0", "Gold", "5", "-", "before", "all", "others", "yes"] in rows


def test_only_the_strings_that_it_takes_are_read(counted: Live) -> None:
    client, slot = counted.client, counted.slot()
    unneeded = [layout.USERS, layout.name_lengths(layout.USERS), "count:2025-06-20"]
    deleted = [client.delete(slot.chunk_key(string, 0)) for string in unneeded]
    assert all(deleted)
    first, _ = inspected(counted, "acme", "--days", "2")["slots"]
    assert first["days"][0]["actions"] == {"click": 2, "export": 1}


@pytest.mark.parametrize("account", ["acm", "acmeo", "Acme", "nobody", "cme"])
def test_an_account_that_no_slot_knows_is_one_clear_line(counted: Live, account: str) -> None:
    done = inspect(counted, account)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"error: no slot knows the account '{account}'")


def test_a_slot_that_another_version_wrote_is_refused(counted: Live) -> None:
    header = counted.header()
    assert header is not None
    counted.write(msgspec.structs.replace(header, layout=99))
    done = inspect(counted, "acme")
    assert (done.returncode, "holds layout 99" in done.stderr) == (1, True), done.stderr
