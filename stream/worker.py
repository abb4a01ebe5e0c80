"""The worker: fetch, count, checkpoint, until told to stop."""

import gc
import os
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext

import redis
import structlog
from confluent_kafka.admin import AdminClient

from schemas.exits import ConfigurationError, Exit
from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin, kafka_producer, wait_for_kafka, wait_for_redis
from store.denied import redis_denial
from store.layout import STATE_ID_BYTES
from store.offsets import log_append_time, partitions
from store.slots import SlotStore
from stream.fetching import strategy_settings
from stream.lag_watch import LagWatch
from stream.loading import Parts
from stream.member import Member, memberships
from stream.observed import Observed
from stream.rejects import PRODUCER_SETTINGS, RejectSender
from stream.slot import SlotRules
from stream.topics import ensure_rejects_takes_inputs
from stream.worker_state import Stage

log = structlog.get_logger()

STOP_SECONDS = 9.0
"""How long storing the last checkpoints may take after SIGTERM; what is not stored the next owner counts again."""
LEAVE_SECONDS = 3.0
"""How long leaving the group may take then. With one question to Kafka and one to Redis under way it is 20 s in all."""
CLOSE_SECONDS = 2.0
"""What of that is kept for closing."""
COLLECT_SECONDS = 60.0
MAX_POLL_INTERVAL_MS = 300_000
"""The default of librdkafka."""


def run_worker(settings: Settings, stop: threading.Event, observed: Observed | None = None) -> Exit:
    """Count the input topics into Redis until ``stop`` is set; where it is ``observed``, also watch its lag.

    Raises Unavailable where Kafka or Redis are not there for 30 s at start, ConfigurationError, Blocked.
    """
    client, admin = connect_redis(settings), kafka_admin(settings)
    wait_for_redis(client, settings)
    wait_for_kafka(admin, settings)
    _check_eviction(client)
    _check_topics(admin, settings)
    notes = observed or Observed()
    producer = kafka_producer(settings, **PRODUCER_SETTINGS)
    rejects = RejectSender(producer, settings.topics.rejects, failed=notes.kafka_error)
    parts = Parts(
        SlotStore(client),
        rejects,
        SlotRules.of(settings),
        settings.timezone,
        settings.topics.actions,
        lambda: os.urandom(STATE_ID_BYTES),
        notes,
    )
    members = [Member(topics, settings, admin, parts, stop.is_set) for topics in memberships(settings)]
    notes.joins([member.topics for member in members], told=bool(strategy_settings(settings)))
    for member in members:
        member.join()
    log.info("started", topics=[settings.topics.actions, settings.topics.accounts], group=settings.group_id)
    watching = LagWatch(admin, settings, notes) if observed else nullcontext()
    try:
        with watching:
            notes.reached(Stage.RUNNING)
            _loop(members, rejects, stop, notes)
    finally:
        notes.reached(Stage.STOPPING)
        try:
            stored = _stop(members)
            log.info("stopped", all_stored=stored)
        finally:
            _leave(members)
    return Exit.DONE if stored else Exit.FAILED


def _stop(members: Sequence[Member]) -> bool:
    """Store everything that is counted; whether that was done in time, of which each member has its part."""
    left, deadline = 0, time.monotonic()
    for member in members:
        deadline += STOP_SECONDS / len(members)
        left += not member.stop(deadline)
    return not left


def _leave(members: Sequence[Member]) -> None:
    """Leave the group; a broker that hangs would hold that up for minutes, and the group finds out without it too."""
    deadline = time.monotonic() + LEAVE_SECONDS
    leaving = [
        threading.Thread(target=member.leave, args=(deadline - CLOSE_SECONDS,), name="leave", daemon=True)
        for member in members
    ]
    for one in leaving:  # at once, or the first to go makes the others take part in a rebalance
        one.start()
    for one in leaving:
        one.join(max(0.0, deadline - time.monotonic()))


def _loop(members: Sequence[Member], rejects: RejectSender, stop: threading.Event, notes: Observed) -> None:
    # Events and table entries are not cyclic, so the collector would only walk millions of them in vain: it is off in
    # the loop, and what it would find is collected, and the rest set aside, once in a while.
    gc.disable()
    collected_at = time.monotonic()
    hurried = False
    while not stop.is_set():
        notes.turned()
        for member in members:
            if not stop.is_set():  # where Redis hangs, a turn takes as long as stopping may
                hurried = member.turn(hurried=hurried)
                rejects.pump()
        if time.monotonic() - collected_at > COLLECT_SECONDS:
            gc.collect()
            gc.freeze()
            collected_at = time.monotonic()
    gc.enable()


def longest_step(settings: Settings) -> float:
    """How many seconds a worker may take between two questions for records before the group gives up on it."""
    return int(settings.kafka.get("max.poll.interval.ms", MAX_POLL_INTERVAL_MS)) / 1000


def _check_eviction(client: redis.Redis) -> None:
    """A Redis that evicts keys without a time limit would lose counters."""
    try:
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except redis.exceptions.NoPermissionError as error:
        raise redis_denial(error, "its settings") or error from error
    if policy.startswith("allkeys-"):
        message = f"Redis has maxmemory-policy {policy}, which evicts counters; set maxmemory-policy noeviction"
        raise ConfigurationError(message)


def _check_topics(admin: AdminClient, settings: Settings) -> None:
    topics = settings.topics
    partitions(admin, [topics.actions, topics.accounts, topics.rejects])
    ensure_rejects_takes_inputs(admin, settings)
    if not log_append_time(admin, topics.actions):
        log.warning(
            "topic has CreateTime: one wrong producer clock can move the newest day for good",
            topic=topics.actions,
            fix="set message.timestamp.type=LogAppendTime",
        )
