"""The plain fold of a log: dicts and sets, one record at a time, by the words of DESIGN.md alone."""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.checker.decision import IN_FUTURE, TOO_OLD, Account, account, action
from tests.faults.checker.moments import DAY_MS, MINUTE_MS, days_of
from tests.faults.checker.report import Rules

MINUTES = 2**32
"""Minutes are kept without what is above: no day has two that are the same then."""

Pair = tuple[str, str]
"""An account and an action, or an account and a user: a user is one within an account."""


@dataclass
class Totals:
    """What a header says beside offsets. Days are ordinals, 0 for none."""

    counted: int = 0
    rejected: int = 0
    late: int = 0
    newest_day: int = 0
    closed_through: int = 0
    pruned_before: int = 0


@dataclass
class Figures:
    """All cells of a slot of actions, by day where they have one; days without any are left out."""

    counts: dict[int, dict[Pair, int]] = field(default_factory=dict)
    user_counts: dict[int, dict[tuple[Pair, str], int]] = field(default_factory=dict)
    active: dict[int, set[Pair]] = field(default_factory=dict)
    open_minutes: dict[int, set[tuple[Pair, int]]] = field(default_factory=dict)
    """Who was active in which epoch minute."""
    closed_minutes: dict[int, dict[str, int]] = field(default_factory=dict)
    first_day: dict[str, int] = field(default_factory=dict)
    profiles: dict[Pair, tuple[int, int, str]] = field(default_factory=dict)
    """Timestamp and offset of the record that said so, and the profile."""


class ActionFold:
    """A partition of the actions topic."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._day_of = days_of(rules.timezone)
        self.figures = Figures()
        self.totals = Totals()

    def take(self, offset: int, timestamp: int, _key: bytes | None, value: bytes | None) -> str | None:
        """Count a record, or say why it does not count."""
        said = action(value, self._rules)
        if isinstance(said, str):
            return said
        if said.moment - timestamp > DAY_MS:
            return IN_FUTURE
        account_id, name, user, profile, moment = said
        day, totals, figures = self._day_of(moment), self.totals, self.figures
        age = totals.newest_day - day if totals.newest_day else 0
        if age > self._rules.retention_days:
            return TOO_OLD
        late = age > self._rules.lateness_days
        totals.counted += 1
        totals.late += late
        counts = figures.counts.setdefault(day, {})
        counts[account_id, name] = counts.get((account_id, name), 0) + 1
        if figures.first_day.get(account_id, day) >= day:
            figures.first_day[account_id] = day
        if user is not None:
            who = (account_id, user)
            figures.active.setdefault(day, set()).add(who)
            if not late:
                figures.open_minutes.setdefault(day, set()).add((who, moment // MINUTE_MS % MINUTES))
            if profile is not None:
                figures.profiles[who] = max((timestamp, offset, profile), figures.profiles.get(who, (-1, -1, "")))
            if self._rules.user_scores:
                user_counts = figures.user_counts.setdefault(day, {})
                user_counts[who, name] = user_counts.get((who, name), 0) + 1
        if day > totals.newest_day:
            self._move_on(day)
        return None

    def _move_on(self, newest: int) -> None:
        """A newer day: days beyond lateness close, days beyond retention go."""
        totals, figures = self.totals, self.figures
        totals.newest_day = newest
        totals.closed_through = max(0, newest - self._rules.lateness_days - 1)
        totals.pruned_before = max(0, newest - self._rules.retention_days)
        for day in [day for day in figures.open_minutes if day <= totals.closed_through]:
            pairs = figures.open_minutes.pop(day)
            figures.closed_minutes[day] = Counter(account_id for (account_id, _), _ in pairs)
        for part in (figures.counts, figures.user_counts, figures.active, figures.closed_minutes):
            for day in [day for day in part if day < totals.pruned_before]:
                del part[day]


Entry = tuple[int, int, str, bool, int | None, str | None, int | None, int | None]
"""Offset, timestamp, and what ``Account`` says."""


class AccountFold:
    """A partition of the accounts topic: the log of its valid records."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._day_of = days_of(rules.timezone)
        self.entries: list[Entry] = []
        self.totals = Totals()

    def take(self, offset: int, timestamp: int, key: bytes | None, value: bytes | None) -> str | None:
        """Keep a record, or say why it does not count."""
        said = account(key, value, self._rules, self._day_of)
        if not isinstance(said, Account):
            return said
        self.totals.counted += 1
        self.entries.append((offset, timestamp, *said))
        return None


Fold = ActionFold | AccountFold
