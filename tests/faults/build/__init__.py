"""The test build: the product's commands with fail points, sabotages and clocks patched in, in that process only.

`python -m tests.faults.build run` is `engagement-stream run`, `python -m tests.faults.build daily` is
`engagement-jobs daily`. The variable FAULTS_BUILD says as JSON what is patched in; the product carries none of it.
"""

from enum import StrEnum
from typing import Literal

import msgspec

VARIABLE = "FAULTS_BUILD"
REACHED = "fail point reached: "
"""Stands before the name of a fail point on stderr when it is acted on."""


class Point(StrEnum):
    """Where a worker, or a daily job, may die or hang."""

    BEFORE_RECORD = "before the record is built"
    AFTER_RECORD = "after the record is built"
    BEFORE_SEND = "before the send"
    AFTER_SEND = "after the send, no reply read"
    AFTER_ANSWER = "after the answer, before its confirmation"
    AFTER_CONFIRMATION = "after the confirmation"
    AFTER_FOLD = "after the fold, before rejects are sent"
    AFTER_REJECTS = "after rejects are sent"
    AFTER_DELIVERY = "after rejects are delivered, before the checkpoint"
    IN_LOAD = "in a load, between header and strings"
    AFTER_LOAD = "in a load, between strings and assignment"
    BEFORE_REVOKE = "in a revoke, before the store"
    IN_REVOKE = "in a revoke, after the store"
    BEFORE_COMMIT = "before the commit in Kafka"
    AFTER_COMMIT = "after the commit in Kafka"
    WHILE_CLOSING = "while days are closed"
    BETWEEN_WRITES = "between the two writes of a sabotaged checkpoint"

    JOB_AFTER_WAIT = "after the job's input is complete"
    JOB_AFTER_INIT = "after the job took the right to publish"
    JOB_AFTER_RUNS = "after the job read the runs"
    JOB_AFTER_SCORES = "after the job scored"
    JOB_AFTER_BEGIN = "after the job began the transaction"
    JOB_AMID_SCORES = "amid the job's score records"
    JOB_BEFORE_MANIFEST = "between scores and manifest"
    JOB_BEFORE_COMMIT = "before the job commits"
    JOB_AFTER_COMMIT = "after the job committed"


class Sabotage(StrEnum):
    """A broken protocol, for the checker to catch."""

    OFFSET_APART = "the offset is stored apart from the counts"
    NO_COMPARE = "the state id is not compared"
    NO_REDO = "strings and header are written together and not redone"
    KEPT_IN_HAND = "records in hand are kept over a reload"
    RESUME_AT_COMMIT = "the offset committed in Kafka is used to resume"
    NO_TRANSACTION = "a run is published without a transaction"


class Jump(msgspec.Struct, frozen=True):
    """A clock that jumps by ``seconds``, forwards or backwards, once ``after`` seconds of real time have passed."""

    after: float
    seconds: float


class Build(msgspec.Struct, frozen=True):
    """What is different from the product."""

    at: Point | None = None
    occurrence: int = 1
    """The first visit of the fail point that it acts on."""
    do: Literal["kill", "hang", "stop"] = "kill"
    """A process that stops goes on at SIGCONT."""
    seconds: float = 3600.0
    """How long it hangs."""
    sabotage: Sabotage | None = None
    monotonic: tuple[Jump, ...] = ()
    wall: tuple[Jump, ...] = ()

    def environment(self) -> dict[str, str]:
        """The variable that makes the test build this one."""
        return {VARIABLE: msgspec.json.encode(self).decode()}
