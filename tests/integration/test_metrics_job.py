"""The file that a daily run leaves says what came of it, also where it refused to run."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.days import iso
from jobs.metrics_file import Outcome
from jobs.phases import Phase
from schemas.exits import Exit
from schemas.settings import Settings, load_settings
from store import metrics
from tests import support
from tests.integration.counted import DAY, Counted
from tests.integration.live import Live, action

ROOT = Path(__file__).parents[2]
AS_OF = iso(DAY)


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(actions=1, accounts=1, scores=1, runs=1)
    settings = load_settings(settings_env)
    Counted(settings).actions({"intel.com": {0: 30}, "amd.com": {3: 14}, "arm.com": {20: 1}})
    return settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "engagement.prom"


Daily = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def daily(settings_env: dict[str, str], file: Path) -> Daily:
    """Runs `engagement-jobs daily --metrics-file`."""

    def run(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        words = [sys.executable, "-m", "jobs.cli", "daily", "--metrics-file", str(file), *args]
        environ = {**settings_env, **env}
        return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=90)

    return run


def figures(file: Path) -> dict[str, float]:
    """By name, and for those with a label by name and its value."""
    samples = [one for family in text_string_to_metric_families(file.read_text()) for one in family.samples]
    assert {one.name for one in samples} <= {metric.name for metric in metrics.JOB}
    return {" ".join([one.name, *one.labels.values()]).removeprefix("engagement_job_"): one.value for one in samples}


def outcome(file: Path) -> Outcome:
    found = figures(file)
    (one,) = (each for each in Outcome if found[f"last_run_outcome {each}"])
    return one


@pytest.mark.usefixtures("settings")
def test_a_published_run_and_then_its_repetition(daily: Daily, file: Path) -> None:
    before = time.time()
    assert daily("--as-of", AS_OF).returncode == Exit.DONE
    found = figures(file)
    assert outcome(file) is Outcome.PUBLISHED
    assert before <= found["last_success_timestamp_seconds"] == found["last_run_timestamp_seconds"] <= time.time()
    assert (found["accounts"], found["ranked_accounts"], found["cohorts"]) == (3, 2, 1)
    assert found["as_of_timestamp_seconds"] == (date.fromisoformat(AS_OF) - date(1970, 1, 1)).days * 86_400
    phases = [found[f"phase_seconds {phase}"] for phase in Phase]
    assert all(0 < seconds < 60 for seconds in phases)
    assert sum(phases) < time.time() - before

    assert daily("--as-of", AS_OF).returncode == Exit.DONE
    assert outcome(file) is Outcome.REPEATED
    again = figures(file)
    assert again["phase_seconds publish"] == 0
    assert again["last_success_timestamp_seconds"] > found["last_success_timestamp_seconds"]


@pytest.mark.usefixtures("settings")
def test_a_refused_run_says_so_and_leaves_the_last_success_as_it_was(daily: Daily, file: Path) -> None:
    daily("--as-of", AS_OF)
    published = figures(file)
    assert daily("--as-of", iso(DAY - 1)).returncode == Exit.USAGE
    assert outcome(file) is Outcome.REFUSED
    refused = figures(file)
    kept = ("last_success_timestamp_seconds", "accounts", "ranked_accounts", "cohorts", "as_of_timestamp_seconds")
    assert [refused[name] for name in kept] == [published[name] for name in kept]
    assert refused["last_run_timestamp_seconds"] > published["last_run_timestamp_seconds"]
    assert refused["phase_seconds publish"] == 0


def test_a_first_run_that_fails_knows_of_no_success(daily: Daily, file: Path) -> None:
    assert daily("--as-of", "no day").returncode == Exit.USAGE
    assert outcome(file) is Outcome.REFUSED
    assert not [name for name in figures(file) if "success" in name or "accounts" in name]


@pytest.mark.usefixtures("settings")
def test_a_wrong_setting_refuses_the_run_too(daily: Daily, file: Path) -> None:
    assert daily(ENGAGEMENT_WAIT_SECONDS="soon").returncode == Exit.USAGE
    assert outcome(file) is Outcome.REFUSED


def test_events_that_nobody_counted_make_the_run_incomplete(live: Live, daily: Daily, file: Path) -> None:
    live.topics()
    prefix, kafka = live.settings.topic_prefix, live.settings.kafka_bootstrap_servers
    support.create_topics(kafka, {prefix + "scores": 1, prefix + "runs": 1})
    live.produce([action()])
    assert daily(ENGAGEMENT_WAIT_SECONDS="0").returncode == Exit.INCOMPLETE
    assert outcome(file) is Outcome.INCOMPLETE
    assert figures(file)["phase_seconds wait"] > 0


@pytest.mark.usefixtures("settings")
def test_a_slot_that_a_person_must_decide_about_blocks_the_run(live: Live, daily: Daily, file: Path) -> None:
    Counted(live.settings).actions({"intel.com": {0: 30}}, topic_id="another")
    assert daily("--as-of", AS_OF).returncode == Exit.FAILED
    assert outcome(file) is Outcome.BLOCKED


@pytest.mark.usefixtures("settings")
def test_the_file_is_whole_and_readable_and_nothing_lies_beside_it(daily: Daily, file: Path) -> None:
    file.write_text("what is this")
    daily("--as-of", AS_OF)
    assert figures(file)["accounts"] == 3
    assert file.stat().st_mode & 0o444 == 0o444
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("args", [("--dry-run",), ("--weights", "weights.toml")])
def test_a_run_that_publishes_nothing_leaves_no_file(daily: Daily, file: Path, args: tuple[str, ...]) -> None:
    done = daily(*args)
    assert (done.returncode, file.exists()) == (Exit.USAGE, False)
    assert "--metrics-file is for runs that publish" in done.stderr


@pytest.mark.parametrize("name", ["engagement.txt", "missing/engagement.prom"])
def test_a_file_that_no_collector_could_read_is_refused_before_the_run(daily: Daily, tmp_path: Path, name: str) -> None:
    done = daily("--metrics-file", str(tmp_path / name), "--as-of", AS_OF)
    assert done.returncode == Exit.USAGE
    assert "give a name that ends in .prom, in a folder that exists" in done.stderr
