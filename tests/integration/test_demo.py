import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import load_settings
from store.connect import connect_redis, kafka_admin
from store.layout import SlotName
from store.offsets import log_bounds

ROOT = Path(__file__).parents[2]
RECORDS = 22_058


def demo(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "examples/demo.py", *arguments]
    # A clone has the product installed; a tree that is only on the path must be on that of the commands too.
    path = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=env | path, capture_output=True, text=True, timeout=150, check=False)


def test_the_demo_shows_the_scores_and_a_second_one_counts_nothing_twice(settings_env: dict[str, str]) -> None:
    prefix = settings_env["ENGAGEMENT_TOPIC_PREFIX"]
    first = demo(settings_env, "--prefix", prefix)
    assert (first.returncode, first.stderr) == (0, "")
    for shown in (
        "Status Platinum",
        "redhat.com",
        "occasionally",
        "published as run",
        "intel.com on 2023-11-30: score 66",
    ):
        assert shown in first.stdout
    second = demo(settings_env, "--prefix", prefix)
    assert (second.returncode, second.stderr) == (0, "")
    assert "already, from an earlier demo" in second.stdout
    assert "nothing published" in second.stdout
    settings = load_settings(settings_env)
    bounds = log_bounds(kafka_admin(settings), [settings.topics.actions, settings.topics.accounts])
    assert sum(log.end for log in bounds.values()) == RECORDS


def test_the_demo_touches_nothing_of_a_system_with_another_prefix(settings_env: dict[str, str]) -> None:
    settings = load_settings(settings_env)
    own = settings_env["ENGAGEMENT_TOPIC_PREFIX"] + "demo."
    assert demo(settings_env, "--prefix", own).returncode == 0
    assert settings.topics.actions not in kafka_admin(settings).list_topics(timeout=30).topics
    with connect_redis(settings) as client:
        assert list(client.scan_iter(f"{SlotName(settings.topics.actions, 0).tag}*")) == []


@pytest.mark.parametrize("missing", ["KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"])
def test_a_demo_without_services_says_in_one_line_what_to_set(missing: str) -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1", "PATH": os.environ["PATH"]}
    done = demo({name: value for name, value in given.items() if name != missing})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert missing in done.stderr
