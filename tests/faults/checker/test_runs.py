"""Published runs, made by hand: what is whole passes, and everything else breaks I7."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

import pytest
from confluent_kafka import Producer

from tests.faults.checker import RunChecker
from tests.faults.checker.hand_made import found
from tests.support import await_markers

Record = dict[str, object]
SECONDS = 30.0
Changes = Mapping[str, object]
NONE: Changes = {}
DAY, DAY_AFTER = "2024-05-01", "2024-05-02"


def digest(scores: Sequence[Record]) -> str:
    lines = [json.dumps(one, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for one in scores]
    return hashlib.sha256(b"".join(lines)).hexdigest()


class Publishing:
    """Publishes runs, in a transaction or not."""

    def __init__(self, kafka: str, prefix: str) -> None:
        self._kafka, self._prefix = kafka, prefix
        self._plain = Producer({"bootstrap.servers": kafka})
        self._transactional = Producer({"bootstrap.servers": kafka, "transactional.id": prefix})
        self._transactional.init_transactions(SECONDS)

    def run(self, day: str, of: Sequence[str] = ("a", "é"), changes: Changes = NONE, *, abort: bool = False) -> None:
        producer = self._transactional
        producer.begin_transaction()
        self._records(producer, day, of, changes)
        producer.flush(SECONDS)
        (producer.abort_transaction if abort else producer.commit_transaction)(SECONDS)
        await_markers(self._kafka, f"{self._prefix}scores", f"{self._prefix}runs")  # the checker has no patience here

    def without_transaction(self, day: str, of: Sequence[str], changes: Changes = NONE) -> None:
        self._records(self._plain, day, of, changes)
        assert self._plain.flush(SECONDS) == 0

    def _records(self, producer: Producer, day: str, of: Sequence[str], changes: Changes) -> None:
        bodies: list[Record] = [{"as_of": day, "account_id": account, "score": 1} for account in of]
        right = {
            "run_id": f"run of {day}",
            "as_of": day,
            "revision": 0,
            "accounts": len(bodies),
            "digest": digest(bodies),
        }
        manifest = {**right, **changes}
        for body in bodies:
            record = {"run_id": manifest["run_id"], "revision": manifest["revision"], **body}
            key = str(body["account_id"]).encode()
            producer.produce(f"{self._prefix}scores", json.dumps(record).encode(), key)
        producer.flush(SECONDS)
        if changes.get("manifest") is not False:
            producer.produce(f"{self._prefix}runs", json.dumps(manifest).encode(), day.encode())


@pytest.fixture
def publishing(kafka: str, prefix: str, create_topics: Callable[..., None]) -> Publishing:
    create_topics(scores=2, runs=1)
    return Publishing(kafka, prefix)


@pytest.fixture
def runs(kafka: str, prefix: str, publishing: Publishing) -> RunChecker:
    publishing.run(DAY)
    return RunChecker(kafka, prefix, patience=0.0)


def test_whole_runs_in_order_break_nothing(runs: RunChecker, publishing: Publishing) -> None:
    publishing.run(DAY, changes={"run_id": "again", "revision": 1})
    publishing.run(DAY_AFTER, ["b"])
    report = runs.verify({DAY_AFTER: {"b": {"as_of": DAY_AFTER, "account_id": "b", "score": 1}}})
    assert report.violations == ()
    assert (report.events, report.cells) == (5, 3)
    assert report.checks["I7"]


def test_an_aborted_run_is_invisible(runs: RunChecker, publishing: Publishing) -> None:
    publishing.run(DAY_AFTER, abort=True)
    assert runs.verify({}).violations == ()


@pytest.mark.parametrize(
    "changes", [{"accounts": 3}, {"digest": "0" * 64}, {"revision": 5}, {"run_id": f"run of {DAY}"}]
)
def test_a_manifest_that_says_something_else_breaks_i7(
    runs: RunChecker, publishing: Publishing, changes: dict[str, object]
) -> None:
    publishing.run(DAY_AFTER, changes=changes)
    assert found(runs.verify({})) == {"I7"}


def test_an_account_that_is_there_twice_breaks_i7(runs: RunChecker, publishing: Publishing) -> None:
    publishing.run(DAY_AFTER, ["a", "a"])
    assert found(runs.verify({})) == {"I7"}


def test_an_older_run_after_a_newer_one_breaks_i7(runs: RunChecker, publishing: Publishing) -> None:
    publishing.run("2024-04-30")
    assert found(runs.verify({})) == {"I7"}


def test_visible_records_without_a_manifest_break_i7(runs: RunChecker, publishing: Publishing) -> None:
    publishing.without_transaction(DAY_AFTER, ["a"], {"manifest": False})
    assert found(runs.verify({})) == {"I7"}


@pytest.mark.parametrize("expected", [{}, {"a": {"as_of": DAY, "account_id": "a", "score": 2}}])
def test_figures_other_than_the_expected_ones_break_i7(runs: RunChecker, expected: Mapping[str, Record]) -> None:
    assert found(runs.verify({DAY: expected})) == {"I7"}
