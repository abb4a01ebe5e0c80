"""Kafka dies and comes back; its logs end in markers, stand still, grow in number: workers go on by themselves."""

import json
import time
from collections.abc import Mapping
from functools import partial

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.faults.catalog.fault import Fault
from tests.faults.system import CLASSIC, NOT_IN_TIME, System
from tests.integration.live import action
from tests.support import wait_until

KIND = "kafka"
MOST_PARTITIONS = 8
TRANSACTION_SECONDS = 30.0
OPEN_SECONDS = 300
"""How long a transaction may be left open."""
REJOINED_SECONDS = 60.0
ADDED_SECONDS = 60.0


def kill_broker(system: System) -> None:
    system.rest(0.0, 1.0)
    system.kafka_server.kill()
    until = time.monotonic() + system.random.uniform(0.0, 2.0)
    wait_until(lambda: time.monotonic() >= until, what="a while without a broker")  # which no sample can be taken in
    start_broker(system)


def bounce_broker(system: System) -> None:
    system.rest(0.0, 1.0)
    system.kafka_server.stop()
    start_broker(system)


def start_broker(system: System) -> None:
    system.kafka_server.start()
    wait_until(lambda: _led(system), what="leaders of all partitions")
    system.steady()


def _led(system: System) -> bool:
    try:
        return bool(system.offsets())
    except KafkaException:
        return False


def add_partitions(system: System) -> None:
    topic = f"{system.prefix}actions"
    soon = {"ENGAGEMENT_KAFKA": json.dumps({**CLASSIC, "topic.metadata.refresh.interval.ms": 1_000})}
    system.stop_workers()
    system.start_workers(env=soon)
    system.steady()
    before = sum(name == topic for name, _ in system.checker.slots())
    if before < MOST_PARTITIONS:
        admin = AdminClient({"bootstrap.servers": system.kafka_server.address})
        admin.create_partitions([NewPartitions(topic, before + 1)])[topic].result()
        added = (topic, before)
        system.until(lambda: system.offsets().get(added, -1) > 0, ADDED_SECONDS, "records counted in the new partition")


def end_in_markers(system: System) -> None:
    """Logs end in a marker, or before a transaction that is open: no lag is left, and none is made up."""
    with system.feed.paused():
        for how in system.random.sample(("commit", "abort", "leave open"), 3):
            producer, markers = _transaction(system)
            try:
                if how == "leave open":
                    system.drained()
                    assert_reported_lag(system)
                    system.rest(0.0, 1.0)
            finally:  # an open transaction would hold up all that comes after it
                if how == "abort":
                    producer.abort_transaction(TRANSACTION_SECONDS)
                else:
                    producer.commit_transaction(TRANSACTION_SECONDS)
            # The producer is told before all partitions have their markers; one that comes later is lag for a moment.
            system.until(lambda markers=markers: _passed(system, markers), what="the markers of a transaction")  # type: ignore[misc]
            system.drained()
            assert_reported_lag(system)


def _passed(system: System, markers: Mapping[tuple[str, int], int]) -> bool:
    """Whether each log ends behind its marker."""
    ends = {slot: one.log_end for slot, one in system.checker.slots().items()}
    return all(ends[slot] > marker for slot, marker in markers.items())


def _transaction(system: System) -> tuple[Producer, Mapping[tuple[str, int], int]]:
    """An open transaction with some records in every partition of the actions, and where its markers will be."""
    markers: dict[tuple[str, int], int] = {}

    def delivered(_: KafkaError | None, message: Message) -> None:
        markers[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1

    producer = Producer(
        {
            "bootstrap.servers": system.kafka_server.address,
            "transactional.id": f"{system.prefix}markers-{system.random.randrange(1 << 30)}",
            "transaction.timeout.ms": 1000 * OPEN_SECONDS,
        }
    )
    producer.init_transactions(TRANSACTION_SECONDS)
    producer.begin_transaction()
    for topic, partition in actions_of(system):
        for _ in range(system.random.randrange(1, 20)):
            value = action("marked", day=system.feed.day.isoformat())
            producer.produce(topic, value, partition=partition, on_delivery=delivered)
    assert producer.flush(TRANSACTION_SECONDS) == 0
    return producer, markers


def stand_still(system: System) -> None:
    """One partition moves, the others do not: they stay owned and where they are, over a change of owners too."""
    with system.feed.paused():
        system.drained()
        busy = system.random.choice(actions_of(system))
        before = {slot: offset for slot, offset in system.offsets().items() if slot != busy}
        for replaced in (False, True):
            if replaced:
                system.replace(system.random.choice(system.workers))
            send(system, busy, system.random.randrange(1, 300))
            system.drained()
        now = system.offsets()
        assert {slot: now[slot] for slot in before} == before, "a partition without records moved"
        assert_reported_lag(system)


def send(system: System, slot: tuple[str, int], count: int) -> None:
    """Some more actions for one partition."""
    producer = Producer({"bootstrap.servers": system.kafka_server.address})
    for number in range(count):
        value = action(f"sent {number % 7}", day=system.feed.day.isoformat(), minute=number % 60)
        producer.produce(slot[0], value, partition=slot[1])
    assert producer.flush(TRANSACTION_SECONDS) == 0


def actions_of(system: System) -> list[tuple[str, int]]:
    """The partitions of the actions topic."""
    return sorted(slot for slot in system.checker.slots() if slot[0] == f"{system.prefix}actions")


class ReportedLag(msgspec.Struct):
    """What `engagement-stream lag` says of a partition."""

    topic: str
    partition: int
    log_end: int
    stored_offset: int | None
    lag: int | None
    note: str | None


def assert_reported_lag(system: System) -> None:
    """Of a system that stands still, `lag` says what the checker finds: all is counted, to the end of the log (I10).

    The figures must be so at once. A note may stand beside them until the group has missed a worker that was killed.
    """

    def owned() -> bool:
        rows = reported_lag(system)
        found = {(row.topic, row.partition): (row.log_end, row.stored_offset, row.lag) for row in rows}
        expected = {slot: (one.log_end, one.next_offset, 0) for slot, one in system.checker.slots().items()}
        assert found == expected, f"lag says {found}, the checker finds {expected}"
        return not any(row.note for row in rows)

    try:
        system.until(owned, REJOINED_SECONDS, "a `lag` without notes")
    except AssertionError as error:
        if NOT_IN_TIME not in str(error):
            raise
        message = f"of a system that stands still `lag` notes something for {REJOINED_SECONDS:g} s"
        raise AssertionError(f"{message}: {reported_lag(system)}") from None


def reported_lag(system: System) -> list[ReportedLag]:
    """The rows of `engagement-stream lag`."""
    finished = system.engine.stream("lag", "--output", "json")
    assert finished.code == 0, finished.err
    return [msgspec.json.decode(line, type=ReportedLag) for line in finished.out.splitlines()]


FAULTS: tuple[Fault, ...] = tuple(
    partial(Fault, KIND, needs_own_kafka=own)(name, run)
    for name, run, own in (
        ("the broker is killed and comes back", kill_broker, True),
        ("the broker is bounced", bounce_broker, True),
        ("the actions get another partition", add_partitions, False),
        ("logs end in markers of transactions", end_in_markers, False),
        ("all partitions but one stand still", stand_still, False),
    )
)
