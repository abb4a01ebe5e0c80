"""Everything a run says about its accounts beside scores and ranks, and the record that says it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter

import msgspec
import numpy as np
from numpy.typing import NDArray

from jobs.adoption import percent, rates_of, ratio
from jobs.change import Changes, Day, split_change
from jobs.days import Window, iso
from jobs.ranking import NONE, Standing
from jobs.scores import Scores, is_scored, or_none, or_zero
from jobs.usage import Usage, count_usage
from jobs.windows import FREQUENCIES, Activity
from schemas.manifest import RunConfig, weights_version
from schemas.scores import (
    ADOPTION_WINDOWS,
    WINDOWS,
    Adoption,
    Change,
    LicenseAdoption,
    ScoreBody,
    Weighted,
    WindowCounts,
    WindowShares,
)

ADOPTION_DAYS = 7


@dataclass(frozen=True)
class Figures:
    """A scored day with all its figures; arrays are by member, in order of account_id."""

    scores: Scores
    usage: Usage
    licenses: NDArray[np.int64]
    """0 where there are none."""
    changes: Changes
    weighted: NDArray[np.int64] | None
    adoption: list[Adoption] | None
    config: RunConfig

    def bodies(self, start: int = 0, stop: int | None = None) -> list[ScoreBody]:
        """The score records without run_id and revision, in order of account_id; all or those of some members."""
        part = slice(start, stop)
        members, ranks, scores = self.scores.members, self.scores.ranks, self.scores
        actions, days = members.actions[part], members.days_considered[part]
        columns = (
            members.names[part],
            [scores.statuses[i] for i in scores.status[part].tolist()],
            or_none(ranks.score[part]),
            or_none(ranks.rank[part]),
            ranks.cohort_size[part].tolist(),
            ranks.accounts_in_status[part].tolist(),
            # Both are whole and below 2**53, so the division gives the double nearest to the exact average.
            (actions / days).tolist(),
            actions.tolist(),
            days.tolist(),
            [FREQUENCIES[i] for i in members.frequency[part].tolist()],
            members.active_days[part].tolist(),
            map(WindowCounts, *self.usage.minutes[:, part].tolist()),
            map(WindowCounts, *self.usage.users[:, part].tolist()),
            self._utilization(part),
            self._weighted(part),
            repeat(msgspec.UNSET) if self.adoption is None else self.adoption[part],
            self._changes(part),
        )
        return list(map(ScoreBody, repeat(iso(scores.as_of)), *columns))

    def _utilization(self, part: slice) -> list[WindowShares | None]:
        licenses = self.licenses[part]
        shares = percent(self.usage.users[:, part], np.maximum(licenses, 1))
        known = (licenses > 0).tolist()
        return [WindowShares(*row) if given else None for row, given in zip(shares.T.tolist(), known, strict=True)]

    def _weighted(self, part: slice) -> Iterable[Weighted | msgspec.UnsetType]:
        if self.weighted is None:
            return repeat(msgspec.UNSET)
        return map(Weighted, repeat(weights_version(self.config.weights)), self.weighted[part].tolist())

    def _changes(self, part: slice) -> Iterable[Change]:
        changes = self.changes
        parts = (changes.own, changes.peers, changes.status, changes.configuration)
        return map(Change, or_none(changes.previous[part]), *(column[part].tolist() for column in parts))


@dataclass(frozen=True)
class Days:
    """Scores of today, and of both days under the configuration that the day before was published with."""

    today: Scores
    yesterday: Scores
    today_before: Scores
    config_before: RunConfig


def figures_of(activity: Activity, days: Days, config: RunConfig) -> Figures:
    """All figures of today's members."""
    scores = days.today
    place = scores.members.place
    usage = count_usage(activity.parts, activity.part_places, activity.size, scores.as_of)
    usage = Usage(usage.minutes[:, place], usage.users[:, place])
    licenses = _licenses(scores)
    weighted = activity.occurrences(config.weights, Window(scores.as_of))[place] if config.weights else None
    adoption = _adoption(activity, scores, usage, licenses, config)
    return Figures(scores, usage, licenses, _changes(activity.size, days), weighted, adoption, config)


def _licenses(scores: Scores) -> NDArray[np.int64]:
    """Licences by member, 0 where there are none."""
    held = scores.records.in_force
    given = dict(zip(held, map(attrgetter("licenses"), held.values()), strict=True))
    return or_zero(map(given.get, scores.members.names))


def _adoption(
    activity: Activity, scores: Scores, usage: Usage, licenses: NDArray[np.int64], config: RunConfig
) -> list[Adoption] | None:
    if not (config.login_actions or config.feature_actions):
        return None
    window, place = Window(scores.as_of, ADOPTION_DAYS), scores.members.place
    logins = activity.occurrences(dict.fromkeys(config.login_actions, 1), window)[place]
    features = {name: activity.occurrences({name: 1}, window)[place] for name in config.feature_actions}
    rows = [WINDOWS.index(days) for days in ADOPTION_WINDOWS]
    shares = percent(usage.users[rows], np.maximum(licenses, 1))
    licensed = [
        LicenseAdoption(*row) if given else None
        for row, given in zip(shares.T.tolist(), (licenses > 0).tolist(), strict=True)
    ]
    per_login = ratio(usage.minutes[WINDOWS.index(ADOPTION_DAYS)], logins)
    return list(map(Adoption, licensed, per_login, rates_of(logins, features)))


def _changes(size: int, days: Days) -> Changes:
    codes: dict[str | None, int] = {}
    for scores in (days.today_before, days.yesterday):
        for name in scores.statuses:
            codes.setdefault(name, len(codes))
    scored = np.array([is_scored(name, days.config_before) for name in codes], np.bool_)
    yesterday, today = (_day(scores, size, codes, scored) for scores in (days.yesterday, days.today_before))
    return split_change(yesterday, today, days.today.ranks.score, days.today.members.place)


def _day(scores: Scores, size: int, codes: dict[str | None, int], scored: NDArray[np.bool_]) -> Day:
    """The members' columns of a day, laid out over all accounts and over common numbers of Statuses."""
    place, standing = scores.members.place, scores.standing
    value, ranked = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    cohort, score = np.full(size, -1), np.full(size, NONE)
    value[place], ranked[place], score[place] = standing.value, standing.ranked, scores.ranks.score
    cohort[place] = np.array([codes[name] for name in scores.statuses], np.int64)[scores.status]
    return Day(Standing(value, ranked, cohort, standing.entry, standing.least), score, scored)
