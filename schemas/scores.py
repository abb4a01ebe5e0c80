"""The score record and the digest over all records of a run."""

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

SCHEMA_HEADER = ("schema", b"account-score/1")

Frequency = Literal["daily", "weekly", "occasionally", "inactive"]


class ScoreRecord(msgspec.Struct, frozen=True, gc=False):
    """One account's score of one run, the value of the scores topic. Fields may be added, never changed."""

    run_id: str
    as_of: str
    revision: int
    account_id: str
    status: str | None
    score: int | None
    rank: int | None
    cohort_size: int
    accounts_in_status: int
    average_daily_actions: float
    actions: int
    days_considered: int
    usage_frequency: Frequency
    active_days: int


class ScoreBody(msgspec.Struct, frozen=True, gc=False):
    """A score record without `run_id` and `revision`: what the digest covers."""

    as_of: str
    account_id: str
    status: str | None
    score: int | None
    rank: int | None
    cohort_size: int
    accounts_in_status: int
    average_daily_actions: float
    actions: int
    days_considered: int
    usage_frequency: Frequency
    active_days: int

    def record(self, run_id: str, revision: int) -> ScoreRecord:
        """Return the record that the run publishes for this body."""
        return ScoreRecord(run_id=run_id, revision=revision, **msgspec.structs.asdict(self))


_encoder = msgspec.json.Encoder()


def encode(record: ScoreRecord | ScoreBody) -> bytes:
    """Return compact JSON in field order, text as raw UTF-8."""
    return _encoder.encode(record)


def digest(bodies: Iterable[ScoreBody]) -> str:
    """Return the hex SHA-256 over each body's JSON and a line feed; `bodies` in order of account_id (UTF-8)."""
    total = hashlib.sha256()
    for body in bodies:
        total.update(_encoder.encode(body) + b"\n")
    return total.hexdigest()
