"""Why an account has its score and its days considered, or why it is in no run: one clause each."""

from dataclasses import dataclass

from jobs.days import WINDOW_DAYS, Window, iso
from jobs.scores import Scores
from schemas.accounts import AccountEntry
from schemas.manifest import ScoreBasis
from schemas.scores import ScoreBody
from store.account_records import AccountsPart, slot_of


@dataclass(frozen=True)
class Peers:
    """The ranked accounts of the same Status by how their average (or minutes) compares."""

    lower: int = 0
    ties: tuple[str, ...] = ()


def days_reason(figures: ScoreBody, held: AccountEntry | None, first_day: int) -> str:
    """Why so many days are considered; `first_day` of any action, 0 for none."""
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


def score_reason(figures: ScoreBody, peers: Peers, basis: ScoreBasis) -> str:
    """Why the account has its score."""
    if figures.score is None:
        return f"accounts of Status {figures.status} get no score (unscored_statuses)"
    return _by_minutes(figures, peers) if basis == "time_spent" else _by_average(figures, peers)


def _by_average(figures: ScoreBody, peers: Peers) -> str:
    if figures.score == 0:
        return (
            f"{figures.actions} actions in {figures.days_considered} days is under one a day on average, which gives 0 "
            "whatever the peers do"
        )
    if figures.rank == 1:
        return f"the highest average of the {figures.cohort_size} ranked accounts of the Status gets 100"
    percent, share = _share(figures, peers)
    least = ", and a ranked account gets at least 1" if percent < 1 else ""
    lower = f"{peers.lower} of the {figures.cohort_size - 1} other ranked accounts of the Status"
    return f"{lower} have a strictly lower average: {share}{least}"


def _by_minutes(figures: ScoreBody, peers: Peers) -> str:
    if figures.time_spent_minutes.d14 == 0:
        return f"no minute was spent in {WINDOW_DAYS} days, which gives 0 whatever the peers do"
    if figures.rank == 1:
        return (
            f"the most minutes in {WINDOW_DAYS} days of all {figures.cohort_size} accounts of the Status, "
            f"{figures.time_spent_minutes.d14:,}, get 100"
        )
    _, share = _share(figures, peers)
    others = figures.cohort_size - 1
    fewer = f"{peers.lower} of the {others} other accounts of the Status spent fewer minutes in {WINDOW_DAYS} days"
    return f"{fewer}: {share}"


def _share(figures: ScoreBody, peers: Peers) -> tuple[int, str]:
    others = figures.cohort_size - 1
    percent = 100 * peers.lower // others
    return percent, f"100 x {peers.lower} / {others} rounded down is {percent}"


def absence(account: str, scores: Scores, parts: list[AccountsPart], first_day: int) -> str:
    """Why the account is not in the run of this day; `first_day` of any action, 0 for none."""
    day = iso(scores.as_of)
    null = scores.records.forgotten.get(account)
    if null is not None:
        where = f"{slot_of(parts, null)} offset {null.offset}"
        return f"the last account record ({where}) is null, so the account is forgotten"
    held = scores.records.in_force.get(account)
    if held is not None and held.created_day is not None:
        return f"the account was created on {iso(held.created_day)}, after {day}"
    acted = f"the first action was on {iso(first_day)}" if first_day else "no action was counted"
    return f"{acted}, and no account record was in force on {day}"


def considered(as_of: int, figures: ScoreBody | None) -> range:
    """The days that the average is over; none where the account is not in the run."""
    return Window(as_of, figures.days_considered if figures else 0).days
