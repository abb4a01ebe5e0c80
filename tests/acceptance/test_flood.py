"""A producer that invents names fills a partition up to its limits and no further; what is known counts on, exactly."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

import psutil
import pytest
import redis
from confluent_kafka import Message, Producer

from tests.acceptance.engine import Engine, read_topic
from tests.acceptance.published import headers
from tests.property.plain_slot import EPOCH, Action, LogRecord, PlainLimits, PlainRules, PlainSlot
from tests.support import wait_until

DAY = datetime(2025, 6, 30, 10, tzinfo=UTC)
LIMITS = PlainLimits(accounts=2_000, users=4_500, actions=40, profiles=30, series=4_000)
FIRST, FLOOD = 80_000, 160_000
MIB = 1024 * 1024
INVENTED = "\U0001f600" * 240
"""Each such name costs a kilobyte where it is kept."""


def record(number: int) -> dict[str, str | None]:
    """One of what is known, or by turns a new account, a new user, a new action and a new profile."""
    known: dict[str, str | None] = {"account_id": "acme", "user_id": "ann", "action": "view", "user_profile": "staff"}
    field = ("account_id", "user_id", "action", "user_profile")[number // 10 % 4]
    return known | ({field: f"{INVENTED}{number}"} if number % 10 else {})


def moment(number: int) -> int:
    """When it happened, ms since the epoch."""
    return round((DAY - EPOCH).total_seconds() * 1000) + number % 600 * 1000


def send(engine: Engine, numbers: Iterable[int]) -> None:
    producer = Producer({"bootstrap.servers": engine.kafka, "compression.type": "zstd", "linger.ms": 20})
    for number in numbers:
        at = f"{DAY:%Y-%m-%dT%H}:{number % 600 // 60:02}:{number % 60:02}Z"
        value = json.dumps(record(number) | {"timestamp": at}, ensure_ascii=False)
        producer.produce(engine.prefix + "actions", value.encode(), partition=0)
        if number % 1_000 == 0:  # the queue of the producer is bounded too
            wait_until(lambda: producer.poll(0.01) >= 0 and len(producer) < 20_000, 60)
    assert producer.flush(60) == 0


def wait_counted(engine: Engine, count: int) -> None:
    def counted() -> bool:
        rows = engine.stream("lag", "--output", "json").records
        return any(row["topic"] == engine.prefix + "actions" and row["stored_offset"] == count for row in rows)

    wait_until(counted, 120, f"{count} records counted" + engine.worker_logs())


def counted_plainly(count: int) -> PlainSlot:
    plain = PlainSlot(PlainRules(limits=LIMITS))
    for number in range(count):
        fields, at = record(number), moment(number)
        action = Action(str(fields["account_id"]), str(fields["action"]), fields["user_id"], fields["user_profile"], at)
        plain.count([LogRecord(number, at, None, action)])
    return plain


def bytes_in_redis(engine: Engine) -> int:
    with redis.Redis.from_url(engine.env["REDIS_URL"]) as client:
        keys = [*client.scan_iter(f"{{{engine.prefix}actions/0}}:*", count=1_000)]
        return sum(int(client.memory_usage(key) or 0) for key in keys)


@pytest.mark.timeout(400)
def test_a_flood_of_invented_names_ends_at_the_limits_and_what_is_known_counts_on_exactly(engine: Engine) -> None:
    most = {f"ENGAGEMENT_MAX_{name.upper()}": str(value) for name, value in asdict(LIMITS).items() if value != math.inf}
    engine = engine.with_env(**most)
    engine.create_topics(1)
    with engine.workers(1) as (worker,):
        send(engine, range(FIRST))
        wait_counted(engine, FIRST)
        resident, stored = psutil.Process(worker.pid).memory_info().rss, bytes_in_redis(engine)
        send(engine, range(FIRST, FLOOD))
        wait_counted(engine, FLOOD)
        grown = psutil.Process(worker.pid).memory_info().rss - resident
        print(f"worker {resident / MIB:.0f} MiB, {grown / MIB:+.0f} MiB; in Redis {stored / MIB:.1f} MiB")
        assert grown < 60 * MIB, f"{grown / MIB:.0f} MiB more for {FLOOD - FIRST} records"
        assert bytes_in_redis(engine) < stored + MIB
    plain = counted_plainly(FLOOD)
    scores = engine.daily(f"{DAY:%Y-%m-%d}")
    (acme,) = [score for score in scores if score["account_id"] == "acme"]
    assert (len(scores), len(plain.held.users)) == (LIMITS.accounts, LIMITS.users)
    assert acme["actions"] == sum(times for (account, *_), times in plain.seen.counts.items() if account == "acme")
    refused = {int(headers(message)["offset"]): headers(message)["reason"] for message in rejects(engine)}
    assert refused == plain.reasons


def rejects(engine: Engine) -> list[Message]:
    return read_topic(engine.kafka, engine.prefix + "rejects")
