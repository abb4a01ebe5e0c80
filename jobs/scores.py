"""From the inputs of a run to scores and ranks: pure, the same inputs give the same figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from jobs.days import Window
from jobs.inputs import Inputs
from jobs.ranking import NONE, Ranks, Standing, by_actions, by_minutes, rank_accounts
from jobs.usage import minutes_over
from jobs.windows import Activity, Members, roll, sum_over_slots
from schemas.manifest import Cohort, RunConfig
from schemas.moments import Calendar
from store.account_records import AccountRecords, records_in_force


@dataclass(frozen=True)
class Scores:
    """The scores of one day, in order of account_id as in `members`; `status` (n,) is an index into `statuses`."""

    as_of: int
    members: Members
    statuses: list[str | None]
    status: NDArray[np.int64]
    standing: Standing
    ranks: Ranks
    records: AccountRecords

    def cohorts(self) -> dict[str, Cohort]:
        """All and ranked accounts by Status, "" for no Status."""
        _, first = np.unique(self.status, return_index=True)
        return {
            self.statuses[self.status[i]] or "": Cohort(
                int(self.ranks.accounts_in_status[i]), int(self.ranks.cohort_size[i])
            )
            for i in first.tolist()
        }


def activity_of(inputs: Inputs, window: Window) -> Activity:
    """All that was counted in `window`, by account; accounts that have only a record are in it."""
    named = dict.fromkeys(entry.account_id for part in inputs.accounts for entry in part.entries)
    return sum_over_slots(inputs.actions, window, list(named))


def is_scored(status: str | None, config: RunConfig) -> bool:
    """Whether accounts of a Status get scores."""
    return status is None or status not in config.unscored_statuses


def score_day(inputs: Inputs, activity: Activity, as_of: int, calendar: Calendar, config: RunConfig) -> Scores:
    """The scores of the day `as_of`, whose 14 days must lie in the activity's window."""
    records = records_in_force(inputs.accounts, calendar.first_instant(as_of + 1))
    columns = _record_columns(activity.places, records)
    members = roll(activity, as_of, columns.created, columns.listed, columns.forgotten)
    status = columns.status[members.place]
    scored = np.array([is_scored(name, config) for name in columns.statuses], np.bool_)
    if config.score_basis == "time_spent":
        minutes = minutes_over(activity.parts, activity.part_places, activity.size, Window(as_of))
        standing = by_minutes(minutes[members.place], status, scored)
    else:
        standing = by_actions(members.actions, members.days_considered, status, scored)
    return Scores(as_of, members, columns.statuses, status, standing, rank_accounts(standing, scored), records)


def or_none(values: NDArray[np.int64]) -> list[int | None]:
    """Whole numbers, None for NONE."""
    return [None if value == NONE else value for value in values.tolist()]


def or_zero(values: Iterable[int | None]) -> NDArray[np.int64]:
    """Whole numbers up to 2**53, 0 for None."""
    return np.nan_to_num(np.array(list(values), np.float64)).astype(np.int64)


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
    named = list(map(attrgetter("status"), held.values()))
    codes: dict[str | None, int] = {name: code for code, name in enumerate(dict.fromkeys([None, *named]))}
    status[where] = np.fromiter(map(codes.__getitem__, named), np.int64, len(held))
    created[where] = or_zero(map(attrgetter("created_day"), held.values()))
    listed[where] = True
    forgotten[[places[account] for account in records.forgotten]] = True
    return _RecordColumns(created, listed, forgotten, status, list(codes))
