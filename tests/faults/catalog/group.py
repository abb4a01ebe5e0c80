"""Members come and go in a storm under every protocol of the group, and Kafka's committed offsets are wrong."""

import json
import signal
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.faults.catalog.fault import Fault
from tests.faults.system import CLASSIC, POLL_SECONDS, System

STORM = 5
MOST_MEMBERS = 5
ANSWER_SECONDS = 30.0

COOPERATIVE = CLASSIC
RANGE = MappingProxyType({**CLASSIC, "partition.assignment.strategy": "range"})
CONSUMER = MappingProxyType({"group.protocol": "consumer", "max.poll.interval.ms": round(1000 * POLL_SECONDS)})
"""KIP-848: sessions are the group's settings in the broker then."""


def storm(settings: Mapping[str, object], system: System) -> None:
    """Members join and leave, with and without a word, faster than the group can settle."""
    env = {"ENGAGEMENT_KAFKA": json.dumps(dict(settings))}
    if settings is CONSUMER:
        shorten_sessions(system)
    if settings is not COOPERATIVE:
        system.stop_workers()
        system.start_workers(env=env)
        system.steady()
    for _ in range(STORM):
        if len(system.workers) > 1 and (len(system.workers) >= MOST_MEMBERS or system.random.random() < 0.5):
            number = system.random.choice((signal.SIGTERM, signal.SIGKILL))
            system.kill(system.random.choice(system.workers), number)
        else:
            system.start_worker(env=env)
        system.rest(0.1, 1.0)
    if settings is not COOPERATIVE:
        system.steady()
        system.stop_workers()
    while len(system.workers) > system.setup.workers:
        system.stop(system.workers[0])
    system.start_workers()


def shorten_sessions(system: System) -> None:
    """As short as those of classic members, which say so themselves."""
    admin = AdminClient({"bootstrap.servers": system.engine.kafka})
    names = {
        "consumer.session.timeout.ms": "session.timeout.ms",
        "consumer.heartbeat.interval.ms": "heartbeat.interval.ms",
    }
    entries = [
        ConfigEntry(ours, str(CLASSIC[theirs]), incremental_operation=AlterConfigOpType.SET)
        for ours, theirs in names.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, f"{system.prefix}stream", incremental_configs=entries)
    admin.incremental_alter_configs([resource])[resource].result()


def wrong_commits(system: System) -> None:
    """While no worker runs, the group's offsets in Kafka are set to what is wrong in every way."""
    system.stop_workers()
    places = []
    for (topic, partition), one in system.checker.slots().items():
        choices = (0, one.log_end, one.log_end + 1_000, max(0, (one.next_offset or 0) - 50), one.log_end // 2)
        places.append(TopicPartition(topic, partition, system.random.choice(choices)))
    commit(system, places)
    system.start_workers()


def commit(system: System, places: list[TopicPartition]) -> None:
    """Set offsets of the workers' group, which has to be empty."""
    admin = AdminClient({"bootstrap.servers": system.engine.kafka})
    group = f"{system.prefix}stream"

    def altered() -> bool:
        done = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group]
        return not any(place.error for place in done.result().topic_partitions)

    system.until(altered, ANSWER_SECONDS, "offsets set in Kafka")


FAULTS = (
    Fault("group", "members join and leave, cooperative-sticky", partial(storm, COOPERATIVE)),
    Fault("group", "members join and leave, range (eager)", partial(storm, RANGE)),
    Fault("group", "members join and leave, the consumer protocol (KIP-848)", partial(storm, CONSUMER)),
    Fault("group", "wrong offsets are committed in Kafka", wrong_commits),
)
