"""The daily job's fail points, and its transaction left out."""
# ruff: noqa: ANN401  what is wrapped may take and return anything

from typing import Any

import jobs.daily
import jobs.publish
from jobs.publish import Publisher
from tests.faults.build import Point
from tests.faults.build.fail_points import FailPoint
from tests.faults.build.seams import Function, after, wrap

AMID = 20
"""Records of a run before the one at which it is amid its scores."""


class _Producer:
    """A producer that passes fail points, and that may do without transactions."""

    def __init__(self, producer: Any, fail: FailPoint, *, transactions: bool) -> None:
        self._producer, self._fail, self._transactions = producer, fail, transactions
        self._produced = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def init_transactions(self, seconds: float) -> None:
        if self._transactions:
            self._producer.init_transactions(seconds)

    def begin_transaction(self) -> None:
        if self._transactions:
            self._producer.begin_transaction()
        self._fail.passed(Point.JOB_AFTER_BEGIN)

    def abort_transaction(self, seconds: float) -> None:
        if self._transactions:
            self._producer.abort_transaction(seconds)

    def produce(self, *args: Any, **named: Any) -> None:
        self._producer.produce(*args, **named)
        self._produced += 1
        if self._produced == AMID:
            self._producer.flush(10.0)  # some of them are in the log then
            self._fail.passed(Point.JOB_AMID_SCORES)

    def flush(self, seconds: float) -> int:
        left: int = self._producer.flush(seconds)
        self._fail.passed(Point.JOB_BEFORE_MANIFEST)
        return left

    def commit_transaction(self, seconds: float) -> None:
        self._producer.flush(seconds)
        self._fail.passed(Point.JOB_BEFORE_COMMIT)
        if self._transactions:
            self._producer.commit_transaction(seconds)
        self._fail.passed(Point.JOB_AFTER_COMMIT)


def install(fail: FailPoint, *, transactions: bool) -> None:
    """Put the job's fail points in place."""

    def around(original: Function) -> Function:
        def opened(settings: Any, **extra: Any) -> _Producer:
            kept = extra if transactions else {k: v for k, v in extra.items() if not k.startswith("transaction")}
            return _Producer(original(settings, **kept), fail, transactions=transactions)

        return opened

    wrap(jobs.publish, "kafka_producer", "settings extra", around)
    after(jobs.daily, "wait_for_input", "sources", fail.at(Point.JOB_AFTER_WAIT))
    after(Publisher, "__init__", "self settings", fail.at(Point.JOB_AFTER_INIT))
    after(Publisher, "runs", "self", fail.at(Point.JOB_AFTER_RUNS))
    after(jobs.daily, "score", "sources as_of runs phases", fail.at(Point.JOB_AFTER_SCORES))
