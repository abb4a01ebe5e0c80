import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from jobs.daily import Run, run_daily
from jobs.days import iso
from schemas.accounts import AccountEntry
from schemas.exits import Blocked, ConfigurationError, EngagementError, IncompleteInput, UsageError
from schemas.manifest import Manifest
from schemas.settings import Settings, load_settings
from store.runs import manifests
from tests.acceptance.engine import read_topic
from tests.integration.counted import DAY, Counted, published
from tests.support import await_markers

ROOT = Path(__file__).parents[2]
AS_OF = iso(DAY)
BUSY = {"intel.com": {0: 30, 1: 12}, "amd.com": {3: 14}, "arm.com": {20: 1, 0: 13}}


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(actions=2, accounts=2, scores=2, runs=1)
    return load_settings({**settings_env, "ENGAGEMENT_WAIT_SECONDS": "0"})


@pytest.fixture
def counted(settings: Settings) -> Counted:
    return Counted(settings)


def with_settings(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


def daily(settings: Settings, day: int = DAY, *, dry_run: bool = False) -> Run:
    return run_daily(settings, day, dry_run=True) if dry_run else published(settings, day)


def scores(settings: Settings, isolation: str = "read_committed") -> list[Message]:
    return read_topic(settings.kafka_bootstrap_servers, settings.topics.scores, isolation=isolation)


def of_run(settings: Settings, manifest: Manifest) -> list[dict[str, object]]:
    values = [json.loads(message.value() or b"null") for message in scores(settings)]
    return [value for value in values if value and value["run_id"] == manifest.run_id]


def test_a_run_is_its_scores_and_a_manifest_that_names_what_went_into_it(settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY, next_offset=57)
    run = daily(settings)
    (manifest,) = manifests(settings, wait_for_open=True)
    assert manifest == run.manifest
    assert (manifest.as_of, manifest.revision, manifest.accounts) == (AS_OF, 0, 3)
    topics = settings.topics
    inputs = {f"{topics.actions}/0": 57, f"{topics.actions}/1": 0, f"{topics.accounts}/0": 0, f"{topics.accounts}/1": 0}
    assert manifest.inputs == inputs
    found = sorted(of_run(settings, manifest), key=lambda value: str(value["account_id"]))
    assert [(value["account_id"], value["score"]) for value in found] == [
        ("amd.com", 1),
        ("arm.com", 0),
        ("intel.com", 100),
    ]
    for message in scores(settings):
        assert (message.key() or b"").decode() == json.loads(message.value() or b"")["account_id"]
        assert message.headers() == [("schema", b"account-score/1")]


def test_a_repeat_publishes_nothing(settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY)
    first = daily(settings)
    before = len(scores(settings))
    again = daily(settings)
    assert again.repeated
    assert again.manifest == first.manifest
    assert len(scores(settings)) == before
    assert len(manifests(settings)) == 1


def test_the_same_input_gives_the_same_bytes(settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY)
    assert daily(settings, dry_run=True).manifest == daily(settings).manifest


def test_newer_counts_are_the_next_revision_of_the_day(settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY)
    daily(settings)
    counted.actions({**BUSY, "new.com": {0: 99}})
    run = daily(settings)
    assert (run.manifest.revision, run.manifest.accounts) == (1, 4)
    assert len(of_run(settings, run.manifest)) == 4


def test_another_configuration_is_the_next_revision_though_the_figures_are_the_same(
    settings: Settings, counted: Counted
) -> None:
    counted.actions(BUSY)
    first = daily(settings)
    second = daily(with_settings(settings, unscored_statuses=("Internal",)))
    assert second.manifest.revision == 1
    assert second.manifest.digest == first.manifest.digest


def test_an_older_day_than_the_newest_published_is_refused_but_shown_by_a_dry_run(
    settings: Settings, counted: Counted
) -> None:
    counted.actions(BUSY)
    daily(settings)
    with pytest.raises(UsageError, match="older than the newest published run"):
        daily(settings, DAY - 1)
    assert daily(settings, DAY - 1, dry_run=True).manifest.as_of == iso(DAY - 1)
    assert len(manifests(settings)) == 1


def test_a_forgotten_account_gets_one_null_and_is_in_no_run(settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY)
    known = [AccountEntry(0, 0, "amd.com", status="Gold"), AccountEntry(1, 0, "never.com", forgotten=True)]
    counted.accounts(*known, next_offset=2)
    daily(settings)
    counted.accounts(*known, AccountEntry(2, 0, "amd.com", forgotten=True), next_offset=3)
    run = daily(settings)
    nulls = [message.key() for message in scores(settings) if message.value() is None]
    assert nulls == [b"amd.com"]
    assert run.manifest.accounts == 2
    counted.actions({**BUSY, "new.com": {0: 99}})
    daily(settings)
    assert [message.key() for message in scores(settings) if message.value() is None] == nulls


def test_input_that_is_not_counted_yet_is_incomplete_and_publishes_nothing(settings: Settings) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    producer.produce(settings.topics.actions, b"{}", partition=1)
    assert producer.flush(30) == 0
    with pytest.raises(IncompleteInput, match="actions/1: nothing is stored, end of the log 1"):
        daily(settings)
    assert manifests(settings) == []


@pytest.mark.parametrize(
    ("header", "error", "says"),
    [
        ({"timezone": "Europe/Berlin"}, ConfigurationError, "days of Europe/Berlin, but timezone is UTC"),
        ({"layout": 99}, ConfigurationError, "holds layout 99"),
        ({"topic_id": "AAAAAAAAAAAAAAAAAAAAAA"}, Blocked, "made anew since it was counted.*accept-gap"),
        ({"pruned_before": DAY - 12}, UsageError, f"keeps days from {iso(DAY - 12)} on"),
    ],
)
def test_a_slot_that_a_run_must_not_be_built_on_is_refused(
    settings: Settings, counted: Counted, header: dict[str, Any], error: type[EngagementError], says: str
) -> None:
    counted.actions(BUSY, **header)
    with pytest.raises(error, match=says):
        daily(settings)
    assert manifests(settings) == []


def test_missing_topics_are_named_with_the_command_that_makes_them(settings_env: dict[str, str], prefix: str) -> None:
    with pytest.raises(EngagementError, match=rf"{prefix}actions.*{prefix}runs.*engagement-stream topics --create"):
        daily(load_settings(settings_env))


# A job as users start it, but for one thing: before it commits, it says so and waits for a line on its stdin.
WAITING_JOB = """
import sys
import store.transactions, jobs.cli
commit = store.transactions.commit
def wait(producer, seconds):
    producer.flush(30)
    sys.stderr.write("about to commit\\n")
    sys.stderr.flush()
    sys.stdin.readline()
    commit(producer, seconds)
store.transactions.commit = wait
jobs.cli.main()
"""


@pytest.fixture
def job_before_commit(settings_env: dict[str, str], settings: Settings, counted: Counted) -> subprocess.Popen[str]:
    """A job that has produced everything of a run over `BUSY` and has not committed it."""
    counted.actions(BUSY)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING_JOB, "daily", "--as-of", AS_OF],
        cwd=ROOT,
        env={**environ, **settings_env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert process.stderr.readline() == "about to commit\n"
    assert len(scores(settings, "read_uncommitted")) == 3
    return process


def test_a_killed_job_leaves_nothing_visible_and_the_next_one_publishes_the_whole_run(
    settings: Settings, job_before_commit: subprocess.Popen[str]
) -> None:
    job_before_commit.kill()
    job_before_commit.communicate(timeout=30)
    assert (scores(settings), manifests(settings)) == ([], [])
    run = daily(settings)
    assert not run.repeated
    assert run.manifest.revision == 0
    assert len(scores(settings)) == len(of_run(settings, run.manifest)) == 3


def test_a_job_that_another_overtook_publishes_nothing_and_says_so_in_one_line(
    settings: Settings, job_before_commit: subprocess.Popen[str]
) -> None:
    run = daily(settings)
    out, err = job_before_commit.communicate("go on\n", timeout=60)
    assert (job_before_commit.returncode, out) == (1, "")
    assert err.startswith("error: another `engagement-jobs daily` took over")
    assert len(err.splitlines()) == 1
    assert manifests(settings) == [run.manifest]
    assert len(scores(settings)) == 3


def test_a_job_that_is_told_to_stop_takes_its_transaction_back(
    settings: Settings, job_before_commit: subprocess.Popen[str]
) -> None:
    job_before_commit.send_signal(signal.SIGTERM)
    out, err = job_before_commit.communicate(timeout=60)
    assert (job_before_commit.returncode, out) == (1, "")
    assert err.startswith("error: interrupted")
    assert (scores(settings), manifests(settings)) == ([], [])


def test_two_jobs_at_once_publish_one_run(settings_env: dict[str, str], settings: Settings, counted: Counted) -> None:
    counted.actions(BUSY)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
    command = [sys.executable, "-m", "jobs.cli", "daily", "--as-of", AS_OF, "--output", "json"]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, env={**environ, **settings_env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in both]
    await_markers(settings.kafka_bootstrap_servers, settings.topics.scores, settings.topics.runs)
    assert 0 in {code for _, _, code in ended}
    for out, err, code in ended:
        assert (code == 0) is (len(out.splitlines()) == 3)
        assert code == 0 or b"took over" in err
    assert len(manifests(settings)) == 1
    assert len(scores(settings)) == 3
