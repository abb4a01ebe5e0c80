"""How the score of one account came about, recomputed from the slots as they are now."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from jobs.account_counts import AccountCounts
from jobs.days import WINDOW_DAYS, Window, iso
from jobs.explanation import AdoptionCounts, DayBefore, DayCount, Explanation, RecordRead, WeightedPart
from jobs.figures import ADOPTION_DAYS, Figures
from jobs.inputs import Inputs
from jobs.moved import Moved
from jobs.reasons import Peers, absence, considered, days_reason, score_reason
from jobs.scores import Scores, or_none
from jobs.windows import FREQUENCIES, Activity
from schemas.accounts import AccountEntry
from schemas.scores import ScoreBody
from store.account_records import slot_of

__all__ = ["Evidence", "Explanation", "explain"]

TIES_NAMED = 5


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
    place = _place(scores, account)
    body = None if place is None else evidence.figures.bodies(place, place + 1)[0]
    peers = Peers() if place is None else _peers(scores, place)
    held = scores.records.in_force.get(account)
    counts = AccountCounts(activity, activity.places[account])
    first_day = activity.first_day_of(account)
    config = evidence.figures.config
    reason = score_reason(body, peers, config.score_basis) if body else None
    return Explanation(
        account_id=account,
        as_of=iso(scores.as_of),
        score_basis=config.score_basis,
        figures=body,
        score_reason=reason or absence(account, scores, evidence.inputs.accounts, first_day),
        days_reason=days_reason(body, held, first_day) if body else "",
        lower=peers.lower,
        tied=len(peers.ties),
        ties=list(peers.ties[:TIES_NAMED]),
        days=_days(scores.as_of, activity.days_of(account), counts, body),
        record=_record_read(held, evidence.inputs) if held else None,
        day_before=_day_before(evidence.before, account),
        change=[] if body is None or place is None else _moved(account, evidence, place, body).parts(),
        weighted=_weighted(counts, scores.as_of, config.weights) if body and config.weights else None,
        adoption=_adoption(counts, evidence.figures, body) if body else None,
        notes=notes,
    )


def _place(scores: Scores, account: str) -> int | None:
    names = scores.members.names
    place = bisect_left(names, account)
    return place if place < len(names) and names[place] == account else None


def _peers(scores: Scores, place: int) -> Peers:
    standing, value = scores.standing, scores.standing.value
    # With nothing done the score is 0 whatever others did, so that nobody is compared with.
    if not (standing.ranked[place] and value[place]):
        return Peers()
    cohort = (scores.status == scores.status[place]) & standing.ranked
    lower = int(np.count_nonzero(cohort & (value < value[place])))
    tied = np.flatnonzero(cohort & (value == value[place])).tolist()
    return Peers(lower, tuple(scores.members.names[i] for i in tied if i != place))


def _days(as_of: int, actions: dict[int, int], counts: AccountCounts, body: ScoreBody | None) -> list[DayCount]:
    window, taken = Window(as_of), considered(as_of, body)
    minutes = counts.minutes(window)
    return [
        DayCount(iso(day), actions.get(day, 0), spent, day in taken)
        for day, spent in zip(window.days, minutes, strict=True)
    ]


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


def _moved(account: str, evidence: Evidence, place: int, body: ScoreBody) -> Moved:
    before = evidence.before
    counts = evidence.activity.days_of(account)
    return Moved(evidence.figures, before, place, _place(before, account), counts, body.change)


def _weighted(counts: AccountCounts, as_of: int, weights: dict[str, int]) -> list[WeightedPart]:
    """The actions that add to the weighted score, what adds most first."""
    done = counts.occurrences(Window(as_of, WINDOW_DAYS))
    parts = [WeightedPart(action, weights[action], times) for action, times in done.items() if action in weights]
    return sorted(parts, key=lambda part: (-part.weight * part.occurrences, part.action))


def _adoption(counts: AccountCounts, figures: Figures, body: ScoreBody) -> AdoptionCounts | None:
    if body.adoption is msgspec.UNSET:
        return None
    config = figures.config
    done = counts.occurrences(Window(figures.scores.as_of, ADOPTION_DAYS))
    return AdoptionCounts(
        minutes=body.time_spent_minutes.d7,
        logins=sum(done.get(action, 0) for action in config.login_actions),
        features={action: done.get(action, 0) for action in config.feature_actions},
    )


def _record_read(entry: AccountEntry, inputs: Inputs) -> RecordRead:
    since = None if entry.effective_at is None else _moment(entry.effective_at)
    created = None if entry.created_day is None else iso(entry.created_day)
    slot = str(slot_of(inputs.accounts, entry))
    return RecordRead(slot, entry.offset, since, entry.status, entry.licenses, created)


def _moment(milliseconds: int) -> str:
    # Not fromtimestamp(): it does not reach year 1 everywhere.
    text = np.datetime64(milliseconds, "ms").astype(datetime).replace(tzinfo=UTC).isoformat()
    return str(text).replace("+00:00", "Z")
