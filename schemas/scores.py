"""The score record and the digest over all records of a run."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

SCHEMA_HEADER = ("schema", b"account-score/1")
USER_SCHEMA_HEADER = ("schema", b"user-score/1")

Frequency = Literal["daily", "weekly", "occasionally", "inactive"]


WINDOWS = (1, 3, 7, 14, 30, 90)
"""Days of the windows of time spent, active users and licence utilisation."""
ADOPTION_WINDOWS = (1, 7, 30)


class WindowCounts(msgspec.Struct, frozen=True, gc=False):
    """One count for each of WINDOWS; the JSON names are the days."""

    d1: int = msgspec.field(name="1")
    d3: int = msgspec.field(name="3")
    d7: int = msgspec.field(name="7")
    d14: int = msgspec.field(name="14")
    d30: int = msgspec.field(name="30")
    d90: int = msgspec.field(name="90")


class WindowShares(msgspec.Struct, frozen=True, gc=False):
    """Percent of the licences in use, two decimals, for each of WINDOWS."""

    d1: float = msgspec.field(name="1")
    d3: float = msgspec.field(name="3")
    d7: float = msgspec.field(name="7")
    d14: float = msgspec.field(name="14")
    d30: float = msgspec.field(name="30")
    d90: float = msgspec.field(name="90")


class Weighted(msgspec.Struct, frozen=True, gc=False):
    """Sum of weight x occurrences over 14 days, and the version of the weights."""

    version: str
    value: int


class LicenseAdoption(msgspec.Struct, frozen=True, gc=False):
    """Percent of the licences in use, two decimals, for each of ADOPTION_WINDOWS."""

    d1: float = msgspec.field(name="1")
    d7: float = msgspec.field(name="7")
    d30: float = msgspec.field(name="30")


class Adoption(msgspec.Struct, frozen=True, gc=False):
    """How far the product is in use, over 7 days but for the licences; null where there are no licences or logins."""

    licenses: LicenseAdoption | None
    minutes_per_login: float | None
    features: dict[str, float | None]


class Change(msgspec.Struct, frozen=True, gc=False):
    """The score of the day before (null: not in that day's run or without a score), and what moved it since.

    A null score counts as 0 in the sum: previous + own + peers + status + configuration is the score.
    """

    previous: int | None
    own: int
    peers: int
    status: int
    configuration: int


class ScoreRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One account's score of one run, the value of the scores topic. Fields may be added, never changed.

    Decodes what `encode` writes: `weighted_score` and `adoption` are UNSET where they are not configured.
    """

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
    time_spent_minutes: WindowCounts
    active_users: WindowCounts
    license_utilization: WindowShares | None
    weighted_score: Weighted | msgspec.UnsetType = msgspec.UNSET
    adoption: Adoption | msgspec.UnsetType = msgspec.UNSET
    change: Change


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
    time_spent_minutes: WindowCounts
    active_users: WindowCounts
    license_utilization: WindowShares | None
    weighted_score: Weighted | msgspec.UnsetType
    adoption: Adoption | msgspec.UnsetType
    change: Change

    def record(self, run_id: str, revision: int) -> ScoreRecord:
        """Return the record that the run publishes for this body."""
        return ScoreRecord(run_id=run_id, revision=revision, **msgspec.structs.asdict(self))


class UserScore(msgspec.Struct, frozen=True, gc=False):
    """The weighted score of one user, or of all users of one profile; the value of the user-scores topic."""

    run_id: str
    as_of: str
    account_id: str
    kind: Literal["user", "profile"]
    id: str
    weighted_score: Weighted


_encoder = msgspec.json.Encoder()
_ENCODED_AT_ONCE = 10_000


def encode(record: ScoreRecord | ScoreBody | UserScore) -> bytes:
    """Return compact JSON in field order, text as raw UTF-8."""
    return _encoder.encode(record)


def digest(bodies: Sequence[ScoreBody]) -> str:
    """Return the hex SHA-256 over each body's JSON and a line feed; `bodies` in order of account_id (UTF-8)."""
    total = hashlib.sha256()
    for start in range(0, len(bodies), _ENCODED_AT_ONCE):
        total.update(_encoder.encode_lines(bodies[start : start + _ENCODED_AT_ONCE]))
    return total.hexdigest()
