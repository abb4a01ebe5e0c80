"""How the score of one account came about, recomputed from the slots as they are now."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from jobs.days import WINDOW_DAYS, Window, iso
from jobs.figures import Figures
from jobs.records import slot_of
from jobs.scores import Scores, or_none
from jobs.snapshot import Inputs
from jobs.windows import FREQUENCIES, Activity
from schemas.accounts import AccountEntry
from schemas.scores import Frequency, ScoreBody

TIES_NAMED = 5


class DayCount(msgspec.Struct, frozen=True):
    """The actions of one day; `considered` where it is one of the D days that the average is over."""

    day: str
    actions: int
    considered: bool


class RecordRead(msgspec.Struct, frozen=True):
    """The account record in force: where it lies, and since when it holds (None: before all others)."""

    slot: str
    offset: int
    effective_at: str | None
    status: str | None
    created: str | None


class DayBefore(msgspec.Struct, frozen=True):
    """The standing of an account on the day before."""

    score: int | None
    rank: int | None
    cohort_size: int
    actions: int
    days_considered: int
    usage_frequency: Frequency


class Explanation(msgspec.Struct, frozen=True):
    """One account on one day, in figures and in words.

    `figures` and `day_before` are None where the account was not in that day's run. `lower`: ranked accounts of the
    Status with a strictly lower average. `tied`: others with an equal one, of which `ties` names a few.
    """

    account_id: str
    as_of: str
    figures: ScoreBody | None
    score_reason: str
    days_reason: str
    lower: int
    tied: int
    ties: list[str]
    days: list[DayCount]
    record: RecordRead | None
    day_before: DayBefore | None
    notes: list[str]


@dataclass(frozen=True)
class Peers:
    """The ranked accounts of the same Status by how their average compares."""

    lower: int = 0
    ties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What was read, and the scores of the day in question and of the day before."""

    inputs: Inputs
    activity: Activity
    figures: Figures
    before: Scores

    @property
    def scores(self) -> Scores:
        """The scores of the day in question."""
        return self.figures.scores


def explain(account: str, evidence: Evidence, notes: list[str]) -> Explanation:
    """Explain the place of an account that the activity knows. Raises KeyError for any other."""
    scores, activity = evidence.scores, evidence.activity
    figures = _figures(evidence.figures, account)
    peers = _peers(scores, account) if figures and figures.rank is not None else Peers()
    held = scores.records.in_force.get(account)
    counts = activity.days_of(account)
    considered = Window(scores.as_of, figures.days_considered if figures else 0)
    window = Window(scores.as_of)
    return Explanation(
        account_id=account,
        as_of=iso(scores.as_of),
        figures=figures,
        score_reason=_score_reason(figures, peers) if figures else _absence(account, evidence),
        days_reason=_days_reason(figures, held, activity.first_day_of(account)) if figures else "",
        lower=peers.lower,
        tied=len(peers.ties),
        ties=list(peers.ties[:TIES_NAMED]),
        days=[DayCount(iso(day), counts.get(day, 0), day in considered.days) for day in window.days],
        record=_record_read(held, evidence.inputs) if held else None,
        day_before=_day_before(evidence.before, account),
        notes=notes,
    )


def _figures(figures: Figures, account: str) -> ScoreBody | None:
    place = _place(figures.scores, account)
    return None if place is None else figures.bodies(place, place + 1)[0]


def _day_before(scores: Scores, account: str) -> DayBefore | None:
    place = _place(scores, account)
    if place is None:
        return None
    members, ranks = scores.members, scores.ranks
    return DayBefore(
        score=or_none(ranks.score[place : place + 1])[0],
        rank=or_none(ranks.rank[place : place + 1])[0],
        cohort_size=int(ranks.cohort_size[place]),
        actions=int(members.actions[place]),
        days_considered=int(members.days_considered[place]),
        usage_frequency=FREQUENCIES[members.frequency[place]],
    )


def _place(scores: Scores, account: str) -> int | None:
    names = scores.members.names
    place = bisect_left(names, account)
    return place if place < len(names) and names[place] == account else None


def _peers(scores: Scores, account: str) -> Peers:
    place = _place(scores, account)
    members, value = scores.members, scores.standing.value
    cohort = (scores.status == scores.status[place]) & scores.standing.ranked
    lower = int(np.count_nonzero(cohort & (value < value[place])))
    tied = np.flatnonzero(cohort & (value == value[place])).tolist()
    return Peers(lower, tuple(members.names[i] for i in tied if i != place))


def _record_read(entry: AccountEntry, inputs: Inputs) -> RecordRead:
    since = None if entry.effective_at is None else _moment(entry.effective_at)
    created = None if entry.created_day is None else iso(entry.created_day)
    return RecordRead(str(slot_of(inputs.accounts, entry)), entry.offset, since, entry.status, created)


def _moment(milliseconds: int) -> str:
    # Not fromtimestamp(): it does not reach year 1 everywhere.
    text = np.datetime64(milliseconds, "ms").astype(datetime).replace(tzinfo=UTC).isoformat()
    return str(text).replace("+00:00", "Z")


def _days_reason(figures: ScoreBody, held: AccountEntry | None, first_day: int) -> str:
    created = held.created_day if held else None
    if created is not None:
        since = f"the account was created on {iso(created)}"
    elif first_day > 0 and iso(first_day) <= figures.as_of:
        since = f"no created_at is known, and the first action was on {iso(first_day)}"
    else:
        return f"no created_at is known and nothing was done yet, so all {WINDOW_DAYS} days"
    if figures.days_considered < WINDOW_DAYS:
        return f"{since}, {figures.days_considered} days up to {figures.as_of}"
    return f"{since}, so all {WINDOW_DAYS} days"


def _score_reason(figures: ScoreBody, peers: Peers) -> str:
    if figures.score is None:
        return f"accounts of Status {figures.status} get no score (unscored_statuses)"
    if figures.score == 0:
        return (
            f"{figures.actions} actions in {figures.days_considered} days is under one a day on average, which gives 0 "
            "whatever the peers do"
        )
    if figures.rank == 1:
        return f"the highest average of the {figures.cohort_size} ranked accounts of the Status gets 100"
    others = figures.cohort_size - 1
    percent = 100 * peers.lower // others
    least = ", and a ranked account gets at least 1" if percent < 1 else ""
    return (
        f"{peers.lower} of the {others} other ranked accounts of the Status have a strictly lower average: "
        f"100 x {peers.lower} / {others} rounded down is {percent}{least}"
    )


def _absence(account: str, evidence: Evidence) -> str:
    scores = evidence.scores
    day = iso(scores.as_of)
    null = scores.records.forgotten.get(account)
    if null is not None:
        slot = slot_of(evidence.inputs.accounts, null)
        return f"the last account record ({slot} offset {null.offset}) is null, so the account is forgotten"
    held = scores.records.in_force.get(account)
    if held is not None and held.created_day is not None:
        return f"the account was created on {iso(held.created_day)}, after {day}"
    first = evidence.activity.first_day_of(account)
    acted = f"the first action was on {iso(first)}" if first else "no action was counted"
    return f"{acted}, and no account record was in force on {day}"
