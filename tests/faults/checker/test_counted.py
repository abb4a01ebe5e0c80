"""What a real worker counted and a real job published breaks nothing, and each cell of it is really compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from store.redo import Write
from tests.acceptance.engine import Engine, Put, produce
from tests.acceptance.poison import members
from tests.faults.checker import Checker, Rules, RunChecker
from tests.faults.checker.hand_made import HandMade
from tests.faults.plain_runs import expected_run
from tests.support import wait_until


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


DAYS = [f"2024-05-{day:02}" for day in range(1, 9)]
STRINGS = (
    *("count:2024-05-01", "count:2024-05-08", "active:2024-05-02", "minutes:2024-05-03", "minute-log:2024-05-07"),
    *("first-day", "profile", "accounts", "users", "user-accounts", "series", "actions", "profiles"),
)


def send_days(engine: Engine, days: list[str]) -> None:
    """Actions of five accounts and four users, and two account records, of each day."""
    actions = [Put(f"{engine.prefix}actions", None, action_of(day, number), 0) for day in days for number in range(20)]
    value = b'{"account_id":"a","licenses":5}'
    produce(engine.kafka, [*actions, *[Put(f"{engine.prefix}accounts", b"a", value, 0)] * 2 * len(days)])


def action_of(day: str, number: int) -> bytes:
    who = f'"user_id":"u{number % 4}","user_profile":"p{number % 3}"'
    return members(f'"acme {number % 5}"'.encode(), f"{day}T10:{number:02}:00Z".encode(), who.encode())


@pytest.fixture
def counted(settings_env: dict[str, str], redis_url: str, tmp_path: Path) -> Iterator[tuple[Checker, Engine]]:
    """What a real worker counted in several checkpoints, the worker gone."""
    engine = Engine(settings_env, tmp_path)
    engine.create_topics(1)
    with Checker(engine.kafka, redis_url, engine.prefix) as checker:
        with engine.workers(1):
            for days in (DAYS[:4], DAYS[4:6], DAYS[6:]):
                send_days(engine, days)
                wait_until(
                    lambda: all(one.lag == 0 for one in checker.slots().values()), seconds=60, what="all counted"
                )
                checker.sample()
        yield checker, engine


def test_each_changed_cell_of_what_a_real_worker_counted_breaks_i1(
    counted: tuple[Checker, Engine], client: redis.Redis
) -> None:
    checker, engine = counted
    report = checker.verify()
    assert report.violations == ()
    assert report.events == 20 * len(DAYS) + 2 * len(DAYS)
    assert report.cells > 300
    assert all(report.checks[name] for name in ("I1", "I2", "I3", "I4", "I6"))
    for topic, strings in (("actions", STRINGS), ("accounts", ("records",))):
        made = HandMade(engine.kafka, client, engine.prefix, topic)
        made.go_on_from_stored()
        for string in strings:
            held = made.string(string)
            at = max(0, len(held) - 4)
            seen = len(checker.verify().violations)
            made.store([Write(string, at, bytes(byte ^ 1 for byte in held[at:]))])
            fresh = checker.verify().violations[seen:]
            assert {one.invariant for one in fresh} == {"I1"}, string
            made.store([Write(string, at, held[at:])])
            assert len(checker.verify().violations) == seen + len(fresh), string


def test_standings_are_what_the_lag_command_says(counted: tuple[Checker, Engine]) -> None:
    checker, engine = counted
    send_days(engine, DAYS[-1:])
    finished = engine.stream("lag", "--output", "json")
    said = {(one["topic"], one["partition"]): one for one in finished.records}
    for place, standing in checker.slots().items():
        assert standing.lag == said[place]["lag"] != 0
        assert (standing.log_end, standing.next_offset) == (said[place]["log_end"], said[place]["stored_offset"])


def test_what_the_real_job_publishes_breaks_nothing(counted: tuple[Checker, Engine]) -> None:
    _, engine = counted
    runs = RunChecker(engine.kafka, engine.prefix)
    for day in DAYS[-2:]:
        engine.daily(day)
        report = runs.verify({day: expected_run(engine, day, Rules())})
        assert report.violations == ()
        assert report.cells > 50
