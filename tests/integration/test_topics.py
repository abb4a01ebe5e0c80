import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from schemas.settings import load_settings
from store.connect import kafka_admin
from stream.topic_plan import MAX_BYTES, REJECTS_MAX_BYTES
from stream.topics import ensure_rejects_takes_inputs, found_topics
from tests.support import create_topics as create_with

ROOT = Path(__file__).parents[2]


def stream(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def reports(env: dict[str, str], *arguments: str) -> dict[str, dict[str, object]]:
    done = stream(env, "topics", "--output", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return {
        one["topic"].removeprefix(env["ENGAGEMENT_TOPIC_PREFIX"]): one
        for one in map(json.loads, done.stdout.splitlines())
    }


def test_topics_are_missing_then_created_then_there_without_any_difference(settings_env: dict[str, str]) -> None:
    names = ["actions", "accounts", "scores", "runs", "rejects"]
    missing = reports(settings_env)
    assert [(name, missing[name]["state"], missing[name]["partitions"]) for name in names] == [
        (name, "missing", None) for name in names
    ]
    created = reports(settings_env, "--create", "--partitions", "2")
    assert [(name, created[name]["state"], created[name]["partitions"]) for name in names] == [
        (name, "created", 1 if name == "runs" else 2) for name in names
    ]
    again = reports(settings_env, "--create", "--partitions", "2")
    assert [(again[name]["state"], again[name]["differs"]) for name in names] == [("exists", [])] * 5


def test_an_existing_topic_is_left_as_it_is_and_its_differences_are_named(
    settings_env: dict[str, str], create_topics: Callable[..., None]
) -> None:
    create_topics(actions=3)
    actions = reports(settings_env, "--create", "--partitions", "5")["actions"]
    assert (actions["state"], actions["partitions"]) == ("exists", 3)
    differs = {one["property"]: (one["found"], one["fitting"]) for one in actions["differs"]}  # type: ignore[attr-defined]
    assert differs["message.timestamp.type"] == ("CreateTime", "LogAppendTime")
    assert differs["partitions"] == ("3", "5")


def test_the_rejects_topic_is_made_to_take_whatever_the_input_topics_take(
    settings_env: dict[str, str], kafka: str, prefix: str
) -> None:
    create_with(kafka, {prefix + "rejects": 1}, {MAX_BYTES: "1000"})
    create_with(kafka, {prefix + "actions": 1}, {MAX_BYTES: "1000"})
    settings = load_settings(settings_env)
    admin = kafka_admin(settings)
    ensure_rejects_takes_inputs(admin, settings)
    found = found_topics(admin, [settings.topics.rejects, settings.topics.actions])
    limits = {name: one.settings[MAX_BYTES] for name, one in found.items()}
    assert limits == {settings.topics.rejects: str(REJECTS_MAX_BYTES), settings.topics.actions: "1000"}


def test_a_system_without_a_rejects_topic_is_left_alone(settings_env: dict[str, str]) -> None:
    settings = load_settings(settings_env)
    ensure_rejects_takes_inputs(kafka_admin(settings), settings)
    assert found_topics(kafka_admin(settings), [settings.topics.rejects]) == {}


def test_more_copies_than_brokers_is_one_clear_line(settings_env: dict[str, str]) -> None:
    done = stream(settings_env, "topics", "--create", "--replication", "99")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: Kafka refused to create topic")


def test_no_settings_are_a_wrong_configuration() -> None:
    done = stream({"PATH": os.environ["PATH"]}, "topics")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr
