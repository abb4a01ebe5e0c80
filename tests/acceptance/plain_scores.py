"""Every figure of a score record as a person would work it out: sets, dicts and exact fractions, no product code."""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from tests.acceptance.oracle import (
    AccountRecord,
    Acted,
    Figures,
    InForce,
    Json,
    histories,
    read_actions,
    record_in_force,
)

WINDOW_DAYS = 14
WINDOWS = (1, 3, 7, 14, 30, 90)
FREQUENCIES = ((9, "daily"), (5, "weekly"), (2, "occasionally"), (0, "inactive"))


@dataclass(frozen=True)
class Rules:
    """The configuration of a run."""

    timezone: str = "UTC"
    basis: Literal["actions", "time_spent"] = "actions"
    unscored: Collection[str] = ()
    lateness_days: int = 3
    weights: Mapping[str, int] = field(default_factory=dict)
    logins: Collection[str] = ()
    features: Collection[str] = ()


@dataclass(frozen=True)
class Standing:
    """An account of a run: what it did, what its record says, and the value that it is compared by."""

    acts: list[Acted]
    record: InForce
    days_considered: int
    actions: int
    value: Fraction


def frequency(active_days: int) -> str:
    return next(name for least, name in FREQUENCIES if active_days >= least)


def within(acts: Iterable[Acted], as_of: date, days: int) -> list[Acted]:
    return [act for act in acts if timedelta(0) <= as_of - act.day < timedelta(days=days)]


def minutes(acts: Iterable[Acted]) -> int:
    """Distinct (user, minute) pairs of each partition."""
    return len({(act.partition, act.user, act.minute) for act in acts if act.user is not None and not act.late})


def users(acts: Iterable[Acted]) -> int:
    return len({act.user for act in acts if act.user is not None})


def share(active: int, licenses: int) -> float:
    """Percent with two decimals, half up."""
    return math.floor(Fraction(10_000 * active, licenses) + Fraction(1, 2)) / 100


def per(amount: int, logins: int) -> float | None:
    return amount / logins if logins else None


def standing(acts: list[Acted], record: InForce, as_of: date, rules: Rules) -> Standing | None:
    """One account on one day; None where it is created only after it."""
    up_to = [act for act in acts if act.day <= as_of]
    created = record.created_day or min((act.day for act in up_to), default=None)
    if created is not None and created > as_of:
        return None
    considered = WINDOW_DAYS if created is None else min(WINDOW_DAYS, (as_of - created).days + 1)
    actions = len(within(up_to, as_of, considered))
    spent = minutes(within(up_to, as_of, WINDOW_DAYS))
    value = Fraction(actions, considered) if rules.basis == "actions" else Fraction(spent)
    return Standing(acts, record, considered, actions, value)


def standings(
    acted: Mapping[str, list[Acted]], accounts: Iterable[AccountRecord], as_of: date, rules: Rules
) -> dict[str, Standing]:
    """Every account of the run of as_of, by account_id."""
    kept, forgotten = histories(accounts)
    run = {}
    for account in sorted((acted.keys() | kept.keys()) - forgotten, key=str.encode):
        record = record_in_force(kept.get(account, []), as_of, ZoneInfo(rules.timezone))
        if record is None and not any(act.day <= as_of for act in acted.get(account, [])):
            continue
        found = standing(acted.get(account, []), record or InForce(), as_of, rules)
        if found is not None:
            run[account] = found
    return run


class Cohorts:
    """The accounts of a day that are compared with each other, by Status."""

    def __init__(self, run: Mapping[str, Standing], rules: Rules) -> None:
        self.rules = rules
        self.ranked: dict[str | None, dict[str, Fraction]] = defaultdict(dict)
        for account, one in run.items():
            if self.takes_part(one.record.status, one.value):
                self.ranked[one.record.status][account] = one.value

    def takes_part(self, status: str | None, value: Fraction) -> bool:
        return status not in self.rules.unscored and (self.rules.basis == "time_spent" or value >= 1)

    def score(self, account: str, status: str | None, value: Fraction) -> tuple[int | None, int | None]:
        """(score, rank) of an account that has this value in this Status, whatever it has in these cohorts."""
        if status in self.rules.unscored:
            return None, None
        if not self.takes_part(status, value) or value == 0:
            return 0, None
        others = [peer for name, peer in self.ranked[status].items() if name != account]
        higher = sum(peer > value for peer in others)
        if not higher:
            return 100, 1
        found = math.floor(Fraction(100 * sum(peer < value for peer in others), len(others)))
        if self.rules.basis == "actions":
            found = max(1, found)
        return found, 1 + higher if found else None


def expected_scores(
    actions: Iterable[Json],
    accounts: Iterable[AccountRecord],
    as_of: date,
    rules: Rules = Rules(),
    *,
    partitions: Sequence[int] | None = None,
    before: Rules | None = None,
) -> dict[str, Figures]:
    """Every account of the run of as_of with all figures, by account_id.

    `actions` holds the counted ones only, `partitions` the partition of each; `before` is the configuration that the
    day before was published with.
    """
    acted = read_actions(actions, rules.timezone, partitions, rules.lateness_days)
    records, earlier, before = list(accounts), as_of - timedelta(days=1), before or rules
    run = standings(acted, records, as_of, rules)
    today = Cohorts(run, rules)
    listed = Counter(one.record.status for one in run.values())
    changes = Steps(standings(acted, records, earlier, before), standings(acted, records, as_of, before), before)
    return {
        account: {
            "as_of": as_of.isoformat(),
            "account_id": account,
            **ranked(account, one, today),
            "accounts_in_status": listed[one.record.status],
            **activity(one, as_of),
            **usage(one, as_of),
            **configured(one, as_of, rules),
            "change": changes.of(account, today.score(account, one.record.status, one.value)[0]),
        }
        for account, one in run.items()
    }


def ranked(account: str, one: Standing, today: Cohorts) -> Figures:
    score, rank = today.score(account, one.record.status, one.value)
    size = len(today.ranked[one.record.status])
    return {"status": one.record.status, "score": score, "rank": rank, "cohort_size": size}


def activity(one: Standing, as_of: date) -> Figures:
    active_days = len({act.day for act in within(one.acts, as_of, WINDOW_DAYS)})
    return {
        "average_daily_actions": float(Fraction(one.actions, one.days_considered)),
        "actions": one.actions,
        "days_considered": one.days_considered,
        "usage_frequency": frequency(active_days),
        "active_days": active_days,
    }


def usage(one: Standing, as_of: date) -> Figures:
    of_window = {str(days): within(one.acts, as_of, days) for days in WINDOWS}
    active = {days: users(acts) for days, acts in of_window.items()}
    licenses = one.record.licenses
    shares = {days: share(count, licenses) for days, count in active.items()} if licenses else None
    spent = {days: minutes(acts) for days, acts in of_window.items()}
    return {"time_spent_minutes": spent, "active_users": active, "license_utilization": shares}


def weighted(acts: Iterable[Acted], weights: Mapping[str, int]) -> Figures:
    canonical = json.dumps(dict(weights), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    version = hashlib.sha256(canonical).hexdigest()[:16]
    return {"version": version, "value": sum(weights.get(act.action, 0) for act in acts)}


def configured(one: Standing, as_of: date, rules: Rules) -> Figures:
    """The fields that are there only where they are configured."""
    found: Figures = {}
    if rules.weights:
        found["weighted_score"] = weighted(within(one.acts, as_of, WINDOW_DAYS), rules.weights)
    if rules.logins or rules.features:
        week, licenses = within(one.acts, as_of, 7), one.record.licenses
        logins = sum(act.action in rules.logins for act in week)
        shares = {str(days): share(users(within(one.acts, as_of, days)), licenses or 1) for days in (1, 7, 30)}
        found["adoption"] = {
            "licenses": shares if licenses else None,
            "minutes_per_login": per(minutes(week), logins),
            "features": {name: per(sum(act.action == name for act in week), logins) for name in rules.features},
        }
    return found


class Steps:
    """The way from yesterday's score to today's: one thing after the other becomes today's."""

    def __init__(self, yesterday: Mapping[str, Standing], today: Mapping[str, Standing], before: Rules) -> None:
        self.yesterday, self.today = yesterday, today
        self.cohorts_yesterday, self.cohorts_today = Cohorts(yesterday, before), Cohorts(today, before)

    def of(self, account: str, score: int | None) -> Figures:
        own, held = self.today[account], self.yesterday.get(account)
        if held is None:
            held = replace(own, value=Fraction(0))
            previous = None
        else:
            previous = self.cohorts_yesterday.score(account, held.record.status, held.value)[0]
        steps = [
            previous,
            self.cohorts_yesterday.score(account, held.record.status, own.value)[0],
            self.cohorts_today.score(account, held.record.status, own.value)[0],
            self.cohorts_today.score(account, own.record.status, own.value)[0],
            score,
        ]
        numbers = [step or 0 for step in steps]
        parts = [after - earlier for earlier, after in pairwise(numbers)]
        return {"previous": previous, **dict(zip(("own", "peers", "status", "configuration"), parts, strict=True))}
