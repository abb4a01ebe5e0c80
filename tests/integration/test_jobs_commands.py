"""The commands that show and export what there is, as processes on slots written by hand."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from jobs.daily import run_daily
from jobs.days import iso
from schemas.manifest import weights_version
from schemas.settings import Settings, load_settings
from store.runs import manifests
from tests.integration.counted import DAY, Counted, published

ROOT = Path(__file__).parents[2]
AS_OF = iso(DAY)
BUSY = {"intel.com": {0: 30, 1: 12}, "amd.com": {3: 14}, "arm.com": {20: 1, 0: 13}}


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(actions=1, accounts=1, scores=1, runs=1)
    settings = load_settings(settings_env)
    Counted(settings).actions(BUSY)
    return settings


@pytest.fixture
def jobs(settings: Settings, settings_env: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `engagement-jobs` on the slots of the test."""
    assert settings.topic_prefix == settings_env["ENGAGEMENT_TOPIC_PREFIX"]

    def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "jobs.cli", *args]
        environ = {**settings_env, **env}
        return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)

    return run


Jobs = Callable[..., subprocess.CompletedProcess[str]]


def test_runs_lists_what_was_published_and_what_changed_in_between(settings: Settings, jobs: Jobs) -> None:
    assert jobs("runs").stdout == "nothing was published yet\n"
    published(settings)
    published(settings.model_copy(update={"unscored_statuses": ("Internal",)}))
    done = jobs("runs", "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = map(json.loads, done.stdout.splitlines())
    manifest = manifests(settings)[1]
    for field in ("as_of", "revision", "accounts", "config_version", "run_id", "digest"):
        assert second[field] == getattr(manifest, field)
    assert second["cohorts"] == {"": {"accounts": 3, "ranked": 2}}
    assert (first["config_changes"], second["config_changes"]) == (
        {},
        {"unscored_statuses": {"before": [], "after": ["Internal"]}},
    )
    assert first["published_at"] <= second["published_at"]
    assert "unscored_statuses: [] -> [Internal]" in jobs("runs").stdout


def test_other_weights_are_previewed_and_nothing_is_published(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    file = tmp_path / "weights.toml"
    file.write_text("export = 5\n")
    configured = {"ENGAGEMENT_WEIGHTS": '{"export": 2}'}
    done = jobs("daily", "--as-of", AS_OF, "--weights", str(file), "--output", "json", **configured)
    assert (done.returncode, done.stderr) == (0, "")
    versions = {"before": weights_version({"export": 2}), "after": weights_version({"export": 5})}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"account_id": "amd.com", "before": 28, "after": 70, "change": 42, "versions": versions},
        {"account_id": "arm.com", "before": 26, "after": 65, "change": 39, "versions": versions},
        {"account_id": "intel.com", "before": 84, "after": 210, "change": 126, "versions": versions},
    ]
    table = jobs("daily", "--as-of", AS_OF, "--weights", str(file), **configured).stdout
    assert "3 accounts, 3 up, 0 down, 0 unchanged; nothing published" in table
    assert manifests(settings) == []


def test_a_wrong_weights_file_is_wrong_usage(jobs: Jobs, tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text('{"export": 500}')
    done = jobs("daily", "--weights", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "export is 500: expected a whole number from 1 to 100" in done.stderr


def test_export_writes_what_a_dry_run_says(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    bodies = run_daily(settings, DAY - 1, dry_run=True).bodies
    file = tmp_path / "figures.parquet"
    done = jobs("export", "--as-of", iso(DAY - 1), str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{iso(DAY - 1)}: 3 accounts, ")
    frame = pl.read_parquet(file)
    assert frame["account_id"].to_list() == [body.account_id for body in bodies]
    assert frame["average_daily_actions"].to_list() == [body.average_daily_actions for body in bodies]
    assert manifests(settings) == []
    refused = jobs("export", "--as-of", AS_OF, str(tmp_path / "figures.xlsx"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "neither in .parquet nor in .csv" in refused.stderr


def test_explain_tells_the_change_since_the_day_before(jobs: Jobs) -> None:
    done = jobs("explain", "arm.com", "--as-of", AS_OF)
    assert done.returncode == 0
    assert "by day" in done.stdout
    told = json.loads(jobs("explain", "intel.com", "--as-of", AS_OF, "--output", "json").stdout)
    assert [part["part"] for part in told["change"]] == ["own", "peers", "status", "configuration"]
    assert told["score_basis"] == "actions"
