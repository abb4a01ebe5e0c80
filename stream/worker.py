"""The worker: fetch, count, checkpoint, until told to stop."""

import gc
import os
import socket
import threading
import time
from contextlib import nullcontext
from typing import Any

import redis
import structlog
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AdminClient

from schemas.exits import ConfigurationError, Exit
from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin, kafka_consumer, kafka_producer, wait_for_kafka, wait_for_redis
from store.denied import redis_denial
from store.layout import STATE_ID_BYTES
from store.offsets import log_append_time, partitions
from store.slots import SlotStore
from stream.assignment import Assignment
from stream.broker import Broker
from stream.fetching import fetching, strategy_settings
from stream.lag_watch import LagWatch
from stream.observed import Observed
from stream.owned import Parts
from stream.rejects import PRODUCER_SETTINGS, RejectSender
from stream.slot import SlotRules
from stream.topics import ensure_rejects_takes_inputs
from stream.worker_state import Stage

log = structlog.get_logger()

BATCH_RECORDS = 20_000
BATCH_BYTES = 8 * 1024 * 1024
SLICE_RECORDS = 4_000
FILL_SECONDS = 0.1
STOP_SECONDS = 9.0
"""How long storing the last checkpoints may take after SIGTERM; what is not stored the next owner counts again."""
LEAVE_SECONDS = 3.0
"""How long leaving the group may take then. With one question to Kafka and one to Redis under way it is 20 s in all."""
COLLECT_SECONDS = 60.0
MAX_POLL_INTERVAL_MS = 300_000
"""The default of librdkafka."""

CONSUMER_SETTINGS: dict[str, Any] = {
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 5,
    "fetch.message.max.bytes": 4 * 1024 * 1024,
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 64 * 1024,
    "topic.metadata.refresh.interval.ms": 30_000,
}
"""Defaults for throughput, which `[kafka]` may change. The backoff alone is worth a factor of five."""


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
    consumer = kafka_consumer(settings, **consumer_settings(settings), error_cb=notes.kafka_error)
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
    fetches, broker = fetching(consumer, settings), Broker(admin, settings)
    assignment = Assignment(fetches, broker, parts, time.monotonic, stop.is_set)
    topics = [settings.topics.actions, settings.topics.accounts]
    consumer.subscribe(
        topics, on_assign=assignment.on_assign, on_revoke=assignment.on_revoke, on_lost=assignment.on_lost
    )
    if not strategy_settings(settings):
        notes.group_is_silent()
    log.info("started", topics=topics, group=settings.group_id)
    watching = LagWatch(admin, settings, notes) if observed else nullcontext()
    try:
        with watching:
            notes.reached(Stage.RUNNING)
            _loop(consumer, assignment, rejects, stop, notes)
    finally:
        notes.reached(Stage.STOPPING)
        try:
            stored = assignment.stop(time.monotonic() + STOP_SECONDS)
            log.info("stopped", all_stored=stored)
        finally:
            _leave(consumer, assignment)
    return Exit.DONE if stored else Exit.FAILED


def _leave(consumer: Consumer, assignment: Assignment) -> None:
    """Leave the group; a broker that hangs would hold that up for minutes, and the group finds out without it too."""

    def leave() -> None:
        assignment.commit(wait=True)
        consumer.close()

    leaving = threading.Thread(target=leave, name="leave", daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)


def _loop(
    consumer: Consumer, assignment: Assignment, rejects: RejectSender, stop: threading.Event, notes: Observed
) -> None:
    # Events and table entries are not cyclic, so the collector would only walk millions of them in vain: it is off in
    # the loop, and what it would find is collected, and the rest set aside, once in a while.
    gc.disable()
    collected_at = time.monotonic()
    while not stop.is_set():
        notes.turned()
        generations = assignment.generations()
        messages = fetch(consumer)
        current = assignment.generations()
        assignment.take(messages, {name: n for name, n in generations.items() if current.get(name) == n})
        rejects.pump()
        assignment.maintain()
        if time.monotonic() - collected_at > COLLECT_SECONDS:
            gc.collect()
            gc.freeze()
            collected_at = time.monotonic()
    gc.enable()


def fetch(consumer: Consumer) -> list[Message]:
    """Up to ``BATCH_RECORDS`` records, or ``BATCH_BYTES`` and a little more of them.

    ``consume`` returns one chunk, so it is called until there is none.
    """
    deadline = time.monotonic() + FILL_SECONDS
    found: list[Message] = consumer.consume(SLICE_RECORDS, FILL_SECONDS)
    size = sum(map(len, found))
    while found and len(found) < BATCH_RECORDS and size < BATCH_BYTES and time.monotonic() < deadline:
        more = consumer.consume(SLICE_RECORDS, 0.005)
        if not more:
            break
        found += more
        size += sum(map(len, more))
    return found


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """Ours where `[kafka]` says nothing. Raises ConfigurationError."""
    ours = {**CONSUMER_SETTINGS, "client.id": f"{socket.gethostname()}-{os.getpid()}"}  # shown as a partition's owner
    chosen = {key: value for key, value in ours.items() if key not in settings.kafka}
    return {**chosen, "group.id": settings.group_id, **strategy_settings(settings)}


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
