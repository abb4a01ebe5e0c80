import contextlib
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from jobs.backfill import run_backfill
from jobs.daily import run_daily
from jobs.days import iso
from schemas.accounts import AccountEntry
from schemas.exits import EngagementError, IncompleteInput, UsageError
from schemas.settings import Settings, load_settings
from store.runs import manifests
from tests.acceptance.engine import read_topic
from tests.integration.counted import DAY, Counted
from tests.support import await_markers

ROOT = Path(__file__).parents[2]
BUSY = {"intel.com": {0: 30, 1: 12}, "amd.com": {3: 14}, "arm.com": {20: 1, 0: 13}}


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(actions=1, accounts=1, scores=1, runs=1)
    return load_settings({**settings_env, "ENGAGEMENT_WAIT_SECONDS": "0"})


@pytest.fixture
def counted(settings: Settings) -> Counted:
    counted = Counted(settings)
    counted.actions(BUSY)
    return counted


def backfill(settings: Settings, first: int, last: int) -> list[str]:
    """Publishes from DAY + first to DAY + last; returns what was said."""
    said: list[str] = []
    run_backfill(settings, DAY + first, DAY + last, said.append)
    await_markers(settings.kafka_bootstrap_servers, settings.topics.scores, settings.topics.runs)
    return said


def published(settings: Settings) -> list[tuple[str, int]]:
    return [(run.as_of, run.revision) for run in manifests(settings)]


@pytest.mark.usefixtures("counted")
def test_a_span_is_published_day_after_day_and_gone_on_with_where_it_stopped(settings: Settings) -> None:
    said = backfill(settings, -4, -3)
    assert said[-1] == f"{iso(DAY - 4)} to {iso(DAY - 3)}: published 2 days"
    said = backfill(settings, -4, -1)
    assert [line[:10] for line in said[:-1]] == [iso(DAY - 2), iso(DAY - 1)]
    assert said[-1].endswith("published 2 days, skipped 2 published before")
    assert published(settings) == [(iso(DAY - ago), 0) for ago in (4, 3, 2, 1)]
    assert backfill(settings, -4, -1) == [
        f"{iso(DAY - 4)} to {iso(DAY - 1)}: published 0 days, skipped 4 published before"
    ]


@pytest.mark.usefixtures("counted")
def test_a_backfilled_day_says_what_a_daily_run_of_that_day_says(settings: Settings) -> None:
    expected = run_daily(settings, DAY - 1, dry_run=True)
    backfill(settings, -2, -1)
    newest = manifests(settings)[-1]
    assert (newest.as_of, newest.digest, newest.inputs) == (
        iso(DAY - 1),
        expected.manifest.digest,
        expected.manifest.inputs,
    )
    assert run_daily(settings, DAY - 1, dry_run=False).repeated


@pytest.mark.usefixtures("counted")
def test_a_gap_after_the_newest_run_is_refused_and_nothing_is_published(settings: Settings) -> None:
    backfill(settings, -4, -4)
    with pytest.raises(UsageError, match="leaves out 1 day "):
        backfill(settings, -2, -1)
    assert published(settings) == [(iso(DAY - 4), 0)]


def test_an_account_that_was_forgotten_meanwhile_gets_one_null(settings: Settings, counted: Counted) -> None:
    backfill(settings, -3, -3)
    counted.accounts(AccountEntry(0, 0, "amd.com", forgotten=True), next_offset=1)
    backfill(settings, -2, 0)
    scores = read_topic(settings.kafka_bootstrap_servers, settings.topics.scores)
    assert [message.key() for message in scores if message.value() is None] == [b"amd.com"]


def test_an_error_midway_leaves_the_days_before_it_published_and_says_so(settings: Settings, counted: Counted) -> None:
    said: list[str] = []

    def lose_the_slot(text: str) -> None:
        said.append(text)
        counted.actions(BUSY, timezone="Europe/Berlin")

    with pytest.raises(EngagementError, match="days of Europe/Berlin"):
        run_backfill(settings, DAY - 2, DAY, lose_the_slot)
    assert said[-1].endswith(f"published 1 day, 2 not done yet: run again to go on from {iso(DAY - 1)}")
    counted.actions(BUSY)
    backfill(settings, -2, 0)
    assert published(settings) == [(iso(DAY - ago), 0) for ago in (2, 1, 0)]


def test_input_that_is_not_counted_yet_is_incomplete_and_publishes_nothing(settings: Settings) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    producer.produce(settings.topics.actions, b"{}", partition=0)
    assert producer.flush(30) == 0
    with pytest.raises(IncompleteInput, match="input not complete"):
        backfill(settings, -2, -1)
    assert manifests(settings) == []


COMMAND = [sys.executable, "-m", "jobs.cli", "backfill"]


def command(settings_env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *args]
    return subprocess.run(words, cwd=ROOT, env=settings_env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.usefixtures("counted")
def test_wrong_days_are_refused_with_the_option_that_is_wrong(settings_env: dict[str, str]) -> None:
    for args, says in {
        ("--from", "2025-06-31", "--to", iso(DAY)): "--from '2025-06-31' is no day",
        ("--from", iso(DAY), "--to", "soon"): "--to 'soon' is no day",
        ("--from", iso(DAY), "--to", iso(DAY - 1)): "is before --from",
        ("--from", iso(DAY), "--to", "9000-01-01"): "--to 9000-01-01 is not over yet in UTC",
    }.items():
        done = command(settings_env, *args)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr


def read_all(terminal: int) -> str:
    """Everything written to a terminal whose other end is closed."""
    read = bytearray()
    with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as file:
        while part := file.read(65_536):
            read += part
    return read.decode()


@pytest.mark.usefixtures("counted")
def test_a_bar_is_shown_on_a_terminal_and_stdout_has_only_lines(settings_env: dict[str, str]) -> None:
    terminal, its_end = pty.openpty()
    words = [*COMMAND, "--from", iso(DAY - 1), "--to", iso(DAY)]
    environ = {**settings_env, "TERM": "xterm"}
    with subprocess.Popen(words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=its_end, text=True) as process:
        os.close(its_end)
        overdue = threading.Timer(120, process.kill)
        overdue.start()
        shown = read_all(terminal)  # while it runs: a slow one draws more than a terminal holds unread
        said, _ = process.communicate(timeout=60)
        overdue.cancel()
    assert process.returncode == 0
    assert f"publishing {iso(DAY)}" in shown
    assert "2/2" in shown
    assert said.splitlines()[-1] == f"{iso(DAY - 1)} to {iso(DAY)}: published 2 days"
    assert "\x1b" not in said
