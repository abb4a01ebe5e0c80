"""What an explanation holds: one account on one day, in figures and in words."""

import msgspec

from schemas.manifest import ScoreBasis
from schemas.scores import Frequency, ScoreBody


class DayCount(msgspec.Struct, frozen=True):
    """The figures of one day; `considered` where it is one of the D days that the average is over."""

    day: str
    actions: int
    minutes: int
    considered: bool


class RecordRead(msgspec.Struct, frozen=True):
    """The account record in force: where it lies, and since when it holds (None: before all others)."""

    slot: str
    offset: int
    effective_at: str | None
    status: str | None
    licenses: int | None
    created: str | None


class DayBefore(msgspec.Struct, frozen=True):
    """The standing of an account on the day before."""

    score: int | None
    rank: int | None
    cohort_size: int
    actions: int
    days_considered: int
    usage_frequency: Frequency


class ChangePart(msgspec.Struct, frozen=True):
    """One part of what moved the score since the day before, and why; part "own" is the account's own days."""

    part: str
    points: int
    why: str


class WeightedPart(msgspec.Struct, frozen=True):
    """What one action adds to the weighted score: weight x occurrences in 14 days."""

    action: str
    weight: int
    occurrences: int


class AdoptionCounts(msgspec.Struct, frozen=True):
    """What the adoption rates are made of, all over 7 days; `features` the accesses of each feature."""

    minutes: int
    logins: int
    features: dict[str, int]


class Explanation(msgspec.Struct, frozen=True):
    """One account on one day.

    `figures` and `day_before` are None where the account was not in that day's run, and so are the parts of figures
    that are not configured. `lower`: ranked accounts of the Status with a strictly lower average (or fewer minutes).
    `tied`: others with an equal one, of which `ties` names a few.
    """

    account_id: str
    as_of: str
    score_basis: ScoreBasis
    figures: ScoreBody | None
    score_reason: str
    days_reason: str
    lower: int
    tied: int
    ties: list[str]
    days: list[DayCount]
    record: RecordRead | None
    day_before: DayBefore | None
    change: list[ChangePart]
    weighted: list[WeightedPart] | None
    adoption: AdoptionCounts | None
    notes: list[str]
