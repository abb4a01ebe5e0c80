"""The sample by author date, in order of arrival: truly late, out of order, now and then from the future.

The figures are worked out a second time in SQL, by DuckDB, from the sample's own files and the definitions of DESIGN.md
alone; nothing is shared with the engine but the files.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import duckdb
import pytest

from tests.acceptance import sample
from tests.acceptance.engine import Engine, account_puts, action_puts, assert_equal_figures, produce, read_topic
from tests.acceptance.oracle import Figures
from tests.acceptance.published import headers, newest_run, text
from tests.support import create_topics

SQL = Path(__file__).with_name("late.sql").read_text(encoding="utf-8")
PARTITIONS = 3
LATENESS_DAYS, RETENTION_DAYS = 3, 200

Laid = tuple[str, int, int, datetime]
"""(event_id, partition, offset, the record's own timestamp)."""


class Second:
    """The second opinion: the sample's files and the places of its events in the log, as tables."""

    def __init__(self, laid: list[Laid]) -> None:
        self._database = duckdb.connect()
        self._database.execute("set timezone = 'UTC'")
        for name in ("events", "accounts_status_by_month"):
            path = sample.SAMPLE / f"{name}.csv.gz"
            self._database.execute(f"create table {name} as from read_csv('{path}', all_varchar = true)")
        self._database.execute(
            "create table laid (event_id text, partition bigint, log_offset bigint, told timestamptz)"
        )
        self._database.executemany("insert into laid values (?, ?, ?, ?)", laid)
        self._database.execute(f"create table settings as select {LATENESS_DAYS} lateness, {RETENTION_DAYS} retention")
        self._database.execute(SQL)

    def rejects(self) -> dict[tuple[int, int], str]:
        """The reason of every event that does not count, by partition and offset."""
        found = self._database.execute("select partition, log_offset, reason from judged where reason is not null")
        return {(partition, offset): reason for partition, offset, reason in found.fetchall()}

    def late(self) -> int:
        """Counted events that add no minute."""
        return len(self._database.execute("from counted where late").fetchall())

    def scores(self, as_of: str) -> dict[str, Figures]:
        """The score records of a day, by account."""
        found = self._database.execute(f"from scores_of(date '{as_of}')").fetchall()
        records = [cast("Figures", json.loads(row[0])) for row in found]
        return {str(record["account_id"]): record for record in records}


def load(engine: Engine, told: Callable[[datetime], int]) -> None:
    """Fills the two topics. An action's moment is its author date; `told` gives its record's timestamp by arrival."""
    rows = list(sample.rows("events"))
    late = [{**action, "timestamp": row["ts"]} for action, row in zip(sample.actions(), rows, strict=True)]
    arrived = [datetime.fromisoformat(row["arrived_at"]) for row in rows]
    puts = action_puts(engine.prefix, late)
    produce(engine.kafka, account_puts(engine.prefix, sample.accounts()))
    produce(engine.kafka, [replace(put, timestamp=told(at)) for put, at in zip(puts, arrived, strict=True)])


def laid(engine: Engine) -> list[Laid]:
    """Where each event lies in the log, and the timestamp of its record."""
    return [
        (
            json.loads(text(message.value()))["message_id"],
            int(message.partition() or 0),
            int(message.offset() or 0),
            datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        )
        for message in read_topic(engine.kafka, engine.prefix + "actions")
    ]


def by_the_broker(_: datetime) -> int:
    return 0


def by_a_slow_clock(arrived: datetime) -> int:
    """Almost a day behind, so that an author date just after the arrival is more than a day ahead of the record."""
    return int((arrived - timedelta(hours=23, minutes=58)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("told", "reasons"),
    [
        pytest.param(by_the_broker, {"before_retention"}, id="the broker's clock"),
        pytest.param(by_a_slow_clock, {"before_retention", "timestamp_in_future"}, id="a slow clock"),
    ],
)
def test_late_events_give_the_figures_that_sql_finds(
    engine: Engine, told: Callable[[datetime], int], reasons: set[str]
) -> None:
    engine = engine.with_env(ENGAGEMENT_LATENESS_DAYS=str(LATENESS_DAYS), ENGAGEMENT_RETENTION_DAYS=str(RETENTION_DAYS))
    if told is by_a_slow_clock:
        clock = {"message.timestamp.type": "CreateTime", "retention.ms": "-1", "max.message.bytes": "2097152"}
        create_topics(engine.kafka, {engine.prefix + "actions": PARTITIONS}, clock)
    engine.create_topics(PARTITIONS)
    load(engine, told)
    second = Second(laid(engine))
    assert second.late() > 1_000
    assert set(second.rejects().values()) == reasons
    with engine.workers(1):
        for as_of in sample.DAYS:
            engine.daily(as_of)
            assert_equal_figures(newest_run(engine).scores, second.scores(as_of), besides=["change"])
    refused = [headers(message) for message in read_topic(engine.kafka, engine.prefix + "rejects")]
    found = {(int(one["partition"]), int(one["offset"])): one["reason"] for one in refused}
    assert found == second.rejects()
