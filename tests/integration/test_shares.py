"""Workers share the partitions of each topic, not only their number: see `stream/member.py`."""

import json
from collections import Counter
from contextlib import ExitStack

import pytest
from confluent_kafka.admin import NewPartitions

from store.connect import kafka_consumer
from store.offsets import holders
from stream.member import consumer_settings
from tests.integration.live import Live
from tests.support import wait_until

PARTITIONS = 8
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


def members(live: Live) -> int:
    """Of the group: one for each worker and topic, with an eager strategy one for each worker."""
    group_id, admin = live.settings.group_id, live.admin
    return len(admin.describe_consumer_groups([group_id])[group_id].result(timeout=30).members)


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
        alone = members(live)
        with live.worker(), live.worker():
            wait_until(lambda: members(live) == 3 * alone, what="three workers in the group")
        with live.worker():
            wait_until(lambda: members(live) == 2 * alone, 20, "two workers in the group")
            first.stop()
            live.wait_said("slot loaded", seconds=20, times=4)


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


def test_a_worker_that_stops_while_another_holds_up_a_rebalance_leaves_nevertheless(live: Live) -> None:
    live.topics(actions=2)
    live = live.given(ENGAGEMENT_KAFKA=json.dumps({"heartbeat.interval.ms": "300"}))
    settings = live.settings
    short = {"session.timeout.ms": 8_000, "max.poll.interval.ms": 8_000}
    frozen = kafka_consumer(settings, **{**consumer_settings(settings, (settings.topics.actions,)), **short})
    with live.worker() as leaving:
        live.wait_said("slot loaded", times=3)
        frozen.subscribe([settings.topics.actions])
        wait_until(lambda: frozen.consume(1, 0.1) or frozen.assignment(), what="a share for the other")
        with live.worker():
            wait_until(lambda: members(live) == 5, what="the third in the group, which waits for the other")
            leaving.stop()
            wait_until(lambda: members(live) == 2, 20, "a group without those that left")
            wait_until(lambda: shares(live, "actions") == [2], 20, "a worker with all partitions")
    frozen.close()
