"""What happens in the life of a system, done by the users whose job it is."""

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from confluent_kafka import Producer

from tests.acceptance.engine import Finished
from tests.security.system import System
from tests.support import wait_until

DAY = "2023-11-30"
WORKER_TALK = "security,broker,conf,feature,cgrp,topic"
"""What a worker says of itself: all but every fetch, which would be thousands of lines a second."""
STREAM, JOBS = "stream.cli", "jobs.cli"
COUNT_SECONDS = 90.0
"""A member that went amid a rebalance is missed after its session of 45 s, and its partitions wait for that."""


class Event(NamedTuple):
    topic: str
    partition: int
    value: dict[str, str]


@dataclass(frozen=True)
class Told:
    """What the commands of readers said of a system with some days published."""

    explained: str
    runs: Finished
    exported: Path
    dry: Finished
    read: str


def succeed(system: System, user: str, *command: str) -> Finished:
    """Run `python command...` as `user`, with all that librdkafka can say about it."""
    done = system.call(user, *command, ENGAGEMENT_KAFKA=talkative(system, user))
    assert done.code == 0, done.err
    return done


def talkative(system: System, user: str, what: str = "all") -> str:
    return json.dumps(system.kafka_settings(user, debug=what))


def all_counted(system: System) -> bool:
    """Whether `lag` shows 0 everywhere; a lag that a busy broker left unknown is none."""
    done = system.fork("engagement-lag", STREAM, "lag", "--output", "json")
    assert done.code == 0, done.err
    return all(row["lag"] == 0 for row in done.records)


def count_all(system: System, *options: str) -> None:
    """Run workers until nothing is left to count; their command lines are heard as well."""
    run = ("-m", STREAM, "run", "--log-format", "json", *options)
    running = system.start("engagement-run", *run, ENGAGEMENT_KAFKA=talkative(system, "engagement-run", WORKER_TALK))
    try:
        wait_until(lambda: all_counted(system) or running.poll() is not None, COUNT_SECONDS, "a lag of 0")
        family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
        system.said.extend(" ".join(one.cmdline()) for one in family)
    finally:
        running.send_signal(signal.SIGTERM)
        done = system.finish(running)
    assert done.code == 0, done.err


def action(partition: int) -> Event:
    value = {"account_id": "intel.com", "action": "export", "timestamp": "2023-12-20T10:00:00Z", "user_id": "u"}
    return Event("engagement.actions", partition, value)


def account(partition: int) -> Event:
    return Event("engagement.accounts", partition, {"account_id": f"late-{partition}"})


def produce(system: System, events: Sequence[Event]) -> None:
    producer = Producer({"bootstrap.servers": system.kafka.address, **system.kafka_settings("engagement-producer")})
    for event in events:
        key = event.value["account_id"].encode()
        producer.produce(event.topic, json.dumps(event.value).encode(), key, partition=event.partition)
    assert producer.flush(30) == 0
