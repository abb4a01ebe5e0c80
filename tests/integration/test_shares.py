"""Workers share the partitions of each topic, not only their number: see `stream/member.py`."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from store.offsets import holders
from tests.integration.live import Live, action
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
PARTITIONS = 8
HEARTBEAT_SECONDS = 0.3
SOON_SECONDS = 35
"""Less than the 45 s after which a group misses a member that went without a word."""
PROTOCOLS = [
    {"heartbeat.interval.ms": "300"},
    {"partition.assignment.strategy": "range", "heartbeat.interval.ms": "300"},
    {"group.protocol": "consumer"},
]


def shares(live: Live, topic: str) -> list[int]:
    """How many partitions of a topic each member has that has some, the most first."""
    held = holders(live.admin, live.settings.group_id)
    name = live.settings.topic_prefix + topic
    return sorted(
        Counter(member.member_id for slot, member in held.items() if slot.topic == name).values(), reverse=True
    )


@pytest.mark.parametrize("group", PROTOCOLS, ids=lambda group: "-".join(group.values()))
def test_each_of_several_workers_has_its_share_of_each_topic(live: Live, group: dict[str, str]) -> None:
    live.topics(actions=PARTITIONS, accounts=PARTITIONS)
    live = live.given(ENGAGEMENT_KAFKA=json.dumps(group))

    def wait_for(*expected: int) -> None:
        for topic in ("actions", "accounts"):
            wait_until(
                lambda topic=topic: shares(live, topic) == list(expected),  # type: ignore[misc]
                what=f"{expected} of {topic}",
            )

    with ExitStack() as stack:
        stack.enter_context(live.worker())
        live.wait_said("slot loaded", times=2 * PARTITIONS)  # the group is there from here on
        wait_for(8)
        second = stack.enter_context(live.worker())
        wait_for(4, 4)
        stack.enter_context(live.worker())
        wait_for(3, 3, 2)
        second.stop()
        wait_for(4, 4)


@pytest.mark.parametrize("group", PROTOCOLS, ids=lambda group: "-".join(group.values()))
def test_a_standby_that_ends_does_not_hold_up_its_group(live: Live, group: dict[str, str]) -> None:
    live.topics()
    live = live.given(ENGAGEMENT_KAFKA=json.dumps(group))
    with live.worker() as first:
        live.wait_said("slot loaded", times=2)
        alone = live.members
        with worker_process(live) as second, worker_process(live) as third:
            wait_until(lambda: live.members == 3 * alone, what="three workers in the group")
            for standby in (second, third):
                standby.terminate()
            assert {standby.wait(SOON_SECONDS) for standby in (second, third)} == {0}
        with live.worker():
            wait_until(lambda: live.members == 2 * alone, SOON_SECONDS, "two workers in the group")
            first.stop()
            live.wait_said("slot loaded", seconds=SOON_SECONDS, times=4)


@pytest.mark.parametrize("group", PROTOCOLS, ids=lambda group: "-".join(group.values()))
def test_partitions_that_are_added_get_an_owner(live: Live, group: dict[str, str]) -> None:
    live.topics(actions=2)
    often = {"topic.metadata.refresh.interval.ms": "1000", "metadata.max.age.ms": "3000"}
    live = live.given(ENGAGEMENT_KAFKA=json.dumps({**group, **often}))
    with live.worker(), live.worker():
        live.wait_said("slot loaded", times=3)
        topic, admin = live.settings.topics.actions, live.admin
        admin.create_partitions([NewPartitions(topic, 4)])[topic].result(timeout=30)
        wait_until(lambda: sum(shares(live, "actions")) == 4, what="owners of four partitions")


@contextmanager
def worker_process(live: Live) -> Iterator["subprocess.Popen[bytes]"]:
    """One that is gone once it has ended, unlike a worker in a thread of the test, whose clients may still close."""
    line, nowhere = [sys.executable, "-m", "stream.cli", "run"], subprocess.DEVNULL
    with subprocess.Popen(line, cwd=ROOT, env=live.environment, stdout=nowhere, stderr=nowhere) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_that_stops_while_its_group_waits_for_a_dead_one_leaves_nevertheless(live: Live) -> None:
    live.topics(actions=2, accounts=2)
    live.produce([action()] * 10)
    heartbeats = {"heartbeat.interval.ms": round(1000 * HEARTBEAT_SECONDS)}
    live = live.given(ENGAGEMENT_KAFKA=json.dumps(heartbeats))
    missed_soon = live.given(ENGAGEMENT_KAFKA=json.dumps({**heartbeats, "session.timeout.ms": 20_000}))
    with worker_process(missed_soon) as dying:
        live.wait_stored(10)
        with worker_process(live) as leaving:
            for topic in ("actions", "accounts"):
                wait_until(lambda topic=topic: shares(live, topic) == [1, 1], what="a share for the second")  # type: ignore[misc]
            dying.kill()
            with live.worker():
                wait_until(lambda: live.members == 6, what="the third in the group, which waits for the first")
                heard_by = time.monotonic() + 5 * HEARTBEAT_SECONDS
                wait_until(lambda: time.monotonic() > heard_by, what="members that all heard of it")
                leaving.terminate()
                assert leaving.wait(SOON_SECONDS) == 0
                wait_until(lambda: live.members == 2, SOON_SECONDS, "a group without those that left")
                wait_until(lambda: shares(live, "actions") == [2], SOON_SECONDS, "a worker with all partitions")
