"""Refused records of one partition, and what the commands of `engagement-stream rejects` say and do about them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Message, Producer

from schemas.rejects import Reason, Reject, reject_headers
from tests.acceptance.engine import read_topic
from tests.integration.live import Live
from tests.support import await_markers

ROOT = Path(__file__).parents[2]


def rejects(live: Live, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "stream.cli", "rejects", *arguments]
    return subprocess.run(line, cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=90, check=False)


def listed(live: Live, *arguments: str) -> list[dict[str, Any]]:
    done = rejects(live, "list", "--output", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(live: Live, *arguments: str) -> str:
    done = rejects(live, "retry", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    return done.stderr


def retried(live: Live, *arguments: str) -> str:
    done = rejects(live, "retry", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def held_back(live: Live, *arguments: str) -> tuple[str, str]:
    """What a retry says that would have records refused again."""
    done = rejects(live, "retry", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
    return done.stdout, done.stderr


def refuse(live: Live, source: int, value: bytes, reason: Reason = Reason.LIMIT_REACHED, at: int = 1_000) -> None:
    """Put a reject into its topic as a worker does."""
    producer = Producer({"bootstrap.servers": live.settings.kafka_bootstrap_servers})
    headers = cast(
        "list[tuple[str, str | bytes | None]]", reject_headers(Reject(reason, "why"), live.slot().topic, 0, source)
    )
    producer.produce(live.settings.topics.rejects, value, b"acme", headers=headers, timestamp=at)
    assert producer.flush(30) == 0


def sent(live: Live, topic: str = "actions") -> list[Message]:
    kafka, name = live.settings.kafka_bootstrap_servers, live.slot(topic=topic).topic
    await_markers(kafka, name)
    return read_topic(kafka, name)


def headers(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in cast("list[tuple[str, bytes]]", message.headers() or [])}
