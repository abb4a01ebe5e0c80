"""From the inputs of a run to its score records: pure, the same inputs give the same bytes."""

from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from jobs.days import Window, iso
from jobs.ranking import NONE, Ranks, rank_accounts
from jobs.records import AccountRecords, records_in_force
from jobs.snapshot import Inputs
from jobs.windows import FREQUENCIES, Activity, Members, roll, sum_over_slots
from schemas.manifest import Cohort
from schemas.moments import Calendar
from schemas.scores import ScoreBody


@dataclass(frozen=True)
class Scores:
    """The scores of one day, in order of account_id as in `members`; `status` (n,) is an index into `statuses`."""

    as_of: int
    members: Members
    statuses: list[str | None]
    status: NDArray[np.int64]
    ranks: Ranks
    records: AccountRecords

    def bodies(self, start: int = 0, stop: int | None = None) -> list[ScoreBody]:
        """The score records without run_id and revision, in order of account_id; all or those of some places."""
        members, ranks, part = self.members, self.ranks, slice(start, stop)
        actions, days = members.actions[part], members.days_considered[part]
        columns = (
            members.names[part],
            [self.statuses[i] for i in self.status[part].tolist()],
            _or_none(ranks.score[part]),
            _or_none(ranks.rank[part]),
            ranks.cohort_size[part].tolist(),
            ranks.accounts_in_status[part].tolist(),
            # Both are whole and below 2**53, so the division gives the double nearest to the exact average.
            (actions / days).tolist(),
            actions.tolist(),
            days.tolist(),
            [FREQUENCIES[i] for i in members.frequency[part].tolist()],
            members.active_days[part].tolist(),
        )
        return list(map(ScoreBody, repeat(iso(self.as_of)), *columns))

    def cohorts(self) -> dict[str, Cohort]:
        """All and ranked accounts by Status, "" for no Status."""
        _, first = np.unique(self.status, return_index=True)
        return {
            self.statuses[self.status[i]] or "": Cohort(
                int(self.ranks.accounts_in_status[i]), int(self.ranks.cohort_size[i])
            )
            for i in first.tolist()
        }


def _or_none(values: NDArray[np.int64]) -> list[int | None]:
    return [None if value == NONE else value for value in values.tolist()]


def activity_of(inputs: Inputs, window: Window) -> Activity:
    """All that was counted in `window`, by account; accounts that have only a record are in it."""
    named = dict.fromkeys(entry.account_id for part in inputs.accounts for entry in part.entries)
    return sum_over_slots(inputs.actions, window, list(named))


def score_day(inputs: Inputs, activity: Activity, as_of: int, calendar: Calendar, unscored: tuple[str, ...]) -> Scores:
    """The scores of the day `as_of`, whose 14 days must lie in the activity's window."""
    records = records_in_force(inputs.accounts, calendar.first_instant(as_of + 1))
    columns = _record_columns(activity.places, records)
    members = roll(activity, as_of, columns.created, columns.listed, columns.forgotten)
    of_member = columns.status[members.place]
    scored = np.array([name is None or name not in unscored for name in columns.statuses], np.bool_)
    ranks = rank_accounts(members.actions, members.days_considered, of_member, scored)
    return Scores(as_of, members, columns.statuses, of_member, ranks, records)


@dataclass(frozen=True)
class _RecordColumns:
    """By account: day of creation (0: none), has a record in force, stands forgotten, index of its Status."""

    created: NDArray[np.int64]
    listed: NDArray[np.bool_]
    forgotten: NDArray[np.bool_]
    status: NDArray[np.int64]
    statuses: list[str | None]


def _record_columns(places: dict[str, int], records: AccountRecords) -> _RecordColumns:
    size, held = len(places), records.in_force
    where = np.fromiter(map(places.__getitem__, held), np.int64, len(held))
    created, status = np.zeros(size, np.int64), np.zeros(size, np.int64)
    listed, forgotten = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    statuses: dict[str | None, int] = {None: 0}
    codes = (statuses.setdefault(entry.status, len(statuses)) for entry in held.values())
    status[where] = np.fromiter(codes, np.int64, len(held))
    created[where] = np.fromiter((entry.created_day or 0 for entry in held.values()), np.int64, len(held))
    listed[where] = True
    forgotten[[places[account] for account in records.forgotten]] = True
    return _RecordColumns(created, listed, forgotten, status, list(statuses))
