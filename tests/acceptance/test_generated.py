"""Generated histories give what the oracle counts, in time zones with summer time and half hours too."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from tests.acceptance import workload
from tests.acceptance.engine import Engine, Put, action_puts, assert_equal_figures, compact, produce
from tests.acceptance.oracle import AccountRecord
from tests.acceptance.plain_scores import Rules, expected_scores

ADOPTING = Rules(weights={"open": 3, "Öffnen": 100, "never": 1}, logins=("open",), features=("save", "Öffnen"))
BY_TIME = Rules(basis="time_spent", lateness_days=10)


def environment(rules: Rules) -> dict[str, str]:
    """The settings of these rules."""
    return {
        "ENGAGEMENT_TIMEZONE": rules.timezone,
        "ENGAGEMENT_SCORE_BASIS": rules.basis,
        "ENGAGEMENT_UNSCORED_STATUSES": json.dumps(list(rules.unscored)),
        "ENGAGEMENT_LATENESS_DAYS": str(rules.lateness_days),
        "ENGAGEMENT_WEIGHTS": json.dumps(rules.weights),
        "ENGAGEMENT_LOGIN_ACTIONS": json.dumps(rules.logins),
        "ENGAGEMENT_FEATURE_ACTIONS": json.dumps(rules.features),
    }


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
    ("timezone", "start", "partitions", "rules", "keyed"),
    [
        pytest.param("America/Sao_Paulo", date(2018, 10, 12), 3, Rules(), True, id="a day without midnight"),
        pytest.param("America/Sao_Paulo", date(2018, 1, 26), 1, ADOPTING, True, id="a day of 25 hours, adoption"),
        pytest.param("America/Sao_Paulo", date(2018, 1, 26), 2, BY_TIME, True, id="a day of 25 hours, time spent"),
        pytest.param("Asia/Kolkata", date(2024, 2, 10), 4, ADOPTING, False, id="half hours, leap day, no keys"),
    ],
)
def test_every_day_has_the_figures_of_the_oracle(
    engine: Engine, timezone: str, start: date, partitions: int, rules: Rules, *, keyed: bool
) -> None:
    seed = start.toordinal()
    print(f"seed {seed}")
    rules = replace(rules, timezone=timezone, unscored=["Unscored"])
    work = workload.make(seed, timezone, start)
    engine = engine.with_env(**environment(rules))
    engine.create_topics(partitions)
    random = Random(seed)
    with engine.workers(1):
        produce(engine.kafka, scattered(engine, work.accounts, random, partitions), batches=random)
        places = produce(engine.kafka, action_puts(engine.prefix, work.actions, keyed=keyed), batches=random)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda as_of: engine.daily(as_of.isoformat(), "--dry-run"), work.days))
    laid = [partition for _, partition, _ in places]
    for as_of, records in zip(work.days, found, strict=True):
        assert_equal_figures(records, expected_scores(work.actions, work.accounts, as_of, rules, partitions=laid))


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
