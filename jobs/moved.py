"""Why a score moved since the day before: one clause for each part of the change."""

from dataclasses import dataclass

import numpy as np

from jobs.days import WINDOW_DAYS
from jobs.explanation import ChangePart
from jobs.figures import Figures
from jobs.ranking import SCALE
from jobs.scores import Scores, is_scored
from schemas.scores import WINDOWS, Change


@dataclass(frozen=True)
class Moved:
    """One account of today's run; `place` and `place_before` where it stands in each day's, None where it does not.

    `counts` are its actions by day, of both days' windows.
    """

    figures: Figures
    before: Scores
    place: int
    place_before: int | None
    counts: dict[int, int]
    change: Change

    def parts(self) -> list[ChangePart]:
        """All four parts, those of 0 points too, in the order in which they are split."""
        change = self.change
        return [
            ChangePart("own", change.own, self._own()),
            ChangePart("peers", change.peers, self._peers()),
            ChangePart("status", change.status, self._status()),
            ChangePart("configuration", change.configuration, self._configuration()),
        ]

    def _own(self) -> str:
        if self.place_before is None:
            return "the account was not in the run of the day before"
        if not self.change.own:
            return "the account's own days alone do not move the score"
        if _is_by_minutes(self.before):
            now = int(self.figures.usage.minutes[_FOURTEEN, self.place])
            then = int(self.before.standing.value[self.place_before])
            return f"{now:,} minutes in {WINDOW_DAYS} days, {then:,} the day before"
        return f"{_average(self._today, self.place)}, {_average(self.before, self.place_before)} the day before" + (
            self._in_and_out()
        )

    def _in_and_out(self) -> str:
        """The day that came into the window and the one that left it, where the account is not younger than that."""
        last = self._today.as_of
        came = f"; the last day has {self.counts.get(last, 0):,} actions"
        if self.before.members.days_considered[self.place_before or 0] < WINDOW_DAYS:
            return came
        return f"{came}, the one that left the window had {self.counts.get(last - WINDOW_DAYS, 0):,}"

    def _peers(self) -> str:
        if not self.change.peers:
            return "what other accounts did does not move the score"
        home = self._home()
        named = "without a Status" if home is None else f"of Status {home}"
        if not self._comparable(home):
            return f"what the other accounts {named} did, came or went"
        value = int(self._today.standing.value[self.place])
        then, now = _beaten(self.before, home, value, self.place_before), _beaten(self._today, home, value, self.place)
        what = "minutes" if _is_by_minutes(self.before) else "average"
        return (
            f"today's {what} beat {then[0]} of {then[1]} other ranked accounts {named} as they were the day before, "
            f"and {now[0]} of {now[1]} as they are now"
        )

    def _status(self) -> str:
        now = _status_of(self._today, self.place)
        then = self._home()
        if now == then:
            return "the Status is the same"
        return f"the Status went from {_named(then)} to {_named(now)}, so the peers are others"

    def _configuration(self) -> str:
        if not self.change.configuration:
            return "the configuration does not move the score"
        if _is_by_minutes(self.before) != _is_by_minutes(self._today):
            then, now = ("time_spent", "actions") if _is_by_minutes(self.before) else ("actions", "time_spent")
            return f"score_basis went from {then} to {now}"
        return "unscored_statuses is another than the day before"

    @property
    def _today(self) -> Scores:
        return self.figures.scores

    def _home(self) -> str | None:
        """The Status of the day before, today's for an account that was not in that run."""
        if self.place_before is None:
            return _status_of(self._today, self.place)
        return _status_of(self.before, self.place_before)

    def _comparable(self, home: str | None) -> bool:
        """Whether both days' standings are those that the parts were split with: under one configuration."""
        same_basis = self.before.standing.entry == self._today.standing.entry
        return same_basis and not self.change.configuration and is_scored(home, self.figures.config)


_FOURTEEN = WINDOWS.index(WINDOW_DAYS)
"""The row of 14 days among the windows of usage."""


def _is_by_minutes(scores: Scores) -> bool:
    return scores.standing.entry != SCALE


def _average(scores: Scores, place: int) -> str:
    members = scores.members
    return f"{members.actions[place]:,} actions in {members.days_considered[place]} days"


def _status_of(scores: Scores, place: int) -> str | None:
    return scores.statuses[int(scores.status[place])]


def _named(status: str | None) -> str:
    return "none" if status is None else status


def _beaten(scores: Scores, status: str | None, value: int, place: int | None) -> tuple[int, int]:
    """Of the ranked accounts of a Status but for the one at `place`: how many are lower than `value`, and how many."""
    if status not in scores.statuses:
        return 0, 0
    others = (scores.status == scores.statuses.index(status)) & scores.standing.ranked
    if place is not None:
        others[place] = False
    return int(np.count_nonzero(others & (scores.standing.value < value))), int(np.count_nonzero(others))
