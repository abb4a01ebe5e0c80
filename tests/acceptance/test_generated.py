"""Generated histories give what the oracle counts, in time zones with summer time and half hours too."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random

import pytest

from tests.acceptance import workload
from tests.acceptance.engine import Engine, Put, action_puts, assert_equal_figures, compact, produce
from tests.acceptance.oracle import AccountRecord, expected_scores


def scattered(engine: Engine, records: list[AccountRecord], random: Random, partitions: int) -> list[Put]:
    """The records at any partition each, so that only their timestamps say which is the last."""
    base = 1_700_000_000_000
    return [
        Put(
            engine.prefix + "accounts",
            record.account_id.encode(),
            None if record.value is None else compact(record.value),
            random.randrange(partitions),
            base + record.place[0],
        )
        for record in records
    ]


@pytest.mark.parametrize(
    ("timezone", "start", "partitions", "keyed"),
    [
        pytest.param("America/Sao_Paulo", date(2018, 10, 12), 3, True, id="a day without midnight"),
        pytest.param("America/Sao_Paulo", date(2018, 1, 26), 1, True, id="a day of 25 hours"),
        pytest.param("Asia/Kolkata", date(2024, 2, 10), 4, False, id="half hours, leap day, no keys"),
    ],
)
def test_every_day_has_the_figures_of_the_oracle(
    engine: Engine, timezone: str, start: date, partitions: int, *, keyed: bool
) -> None:
    seed = start.toordinal()
    print(f"seed {seed}")
    unscored = ["Unscored"]
    work = workload.make(seed, timezone, start)
    engine = engine.with_env(ENGAGEMENT_TIMEZONE=timezone, ENGAGEMENT_UNSCORED_STATUSES=json.dumps(unscored))
    engine.create_topics(partitions)
    random = Random(seed)
    with engine.workers(1):
        produce(engine.kafka, scattered(engine, work.accounts, random, partitions), batches=random)
        produce(engine.kafka, action_puts(engine.prefix, work.actions, keyed=keyed), batches=random)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda as_of: engine.daily(as_of.isoformat(), "--dry-run"), work.days))
    for as_of, records in zip(work.days, found, strict=True):
        expected = expected_scores(work.actions, work.accounts, as_of, timezone=timezone, unscored=unscored)
        assert_equal_figures(records, expected)


def test_records_of_one_moment_in_several_partitions_are_ordered_by_partition_and_offset(engine: Engine) -> None:
    def state(status: str) -> dict[str, object]:
        return {"account_id": "a", "status": status, "effective_at": "2024-05-01T00:00:00Z"}

    topic, now = engine.prefix + "accounts", 1_714_600_000_000
    puts = [
        Put(topic, b"a", compact(state("by partition")), 1, now),
        Put(topic, b"a", compact(state("by an earlier offset")), 0, now),
        Put(topic, b"a", compact(state("by offset")), 0, now),
        Put(topic, b"b", None, 0, now + 1),
        Put(topic, b"b", compact({"account_id": "b", "status": "forgotten later"}), 1, now),
    ]
    engine.create_topics(2)
    with engine.workers(1):
        produce(engine.kafka, puts)
        records = {record["account_id"]: record for record in engine.daily("2024-05-01", "--dry-run")}
    assert {name: record["status"] for name, record in records.items()} == {"a": "by partition"}
