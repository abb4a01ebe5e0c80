"""What a slot of the actions topic must hold, by the words of DESIGN.md alone: dicts and sets, one record at a time."""

import datetime as dt
import math
import zoneinfo
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY_MS = 86_400_000
MINUTE_MS = 60_000

Pair = tuple[str, str]


@dataclass(frozen=True)
class Action:
    """What a well-formed record says; ``moment`` in ms since the epoch."""

    account: str
    action: str
    user: str | None
    profile: str | None
    moment: int


@dataclass(frozen=True)
class LogRecord:
    """A record of the log; ``action`` is None where ``value`` is no valid action."""

    offset: int
    timestamp: int
    value: bytes | None
    action: Action | None

    def key(self) -> bytes | None:
        """Keys mean nothing."""


@dataclass(frozen=True)
class PlainLimits:
    """How much a slot may hold; bytes are those of the names of accounts and users."""

    accounts: float = math.inf
    users: float = math.inf
    actions: float = math.inf
    profiles: float = math.inf
    series: float = math.inf
    name_bytes: float = math.inf


@dataclass(frozen=True)
class PlainRules:
    """The settings that matter to a slot."""

    timezone: str = "UTC"
    lateness_days: int = 3
    retention_days: int = 400
    user_scores: bool = False
    limits: PlainLimits = PlainLimits()


@dataclass
class Held:
    """Every name and pair that a slot ever counted, by the limit that holds for it."""

    accounts: set[str] = field(default_factory=set)
    users: set[Pair] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)
    series: set[Pair] = field(default_factory=set)
    user_series: set[tuple[Pair, str]] = field(default_factory=set)
    name_bytes: int = 0

    def is_full_for(self, action: Action, rules: PlainRules) -> bool:
        """Whether this action names something new that there is no more room for."""
        limits = rules.limits
        most = (limits.accounts, limits.users, limits.actions, limits.profiles, limits.series, limits.series)
        tables = self._named(action, rules)
        if any(name not in table and len(table) >= limit for (table, name), limit in zip(tables, most, strict=True)):
            return True
        more_bytes = self._bytes_of_new(action)
        return more_bytes > 0 and self.name_bytes >= limits.name_bytes

    def add(self, action: Action, rules: PlainRules) -> None:
        self.name_bytes += self._bytes_of_new(action)
        for table, name in self._named(action, rules):
            table.add(name)

    def _named(self, action: Action, rules: PlainRules) -> list[tuple[set[Any], Any]]:
        """By table what this action names of it, where nothing is named a set that has it already."""
        user, nothing = (action.account, action.user), ({None}, None)
        return [
            (self.accounts, action.account),
            (self.users, user) if action.user is not None else nothing,
            (self.actions, action.action),
            (self.profiles, action.profile) if action.user is not None and action.profile is not None else nothing,
            (self.series, (action.account, action.action)),
            (self.user_series, (user, action.action)) if action.user is not None and rules.user_scores else nothing,
        ]

    def _bytes_of_new(self, action: Action) -> int:
        account = 0 if action.account in self.accounts else len(action.account.encode())
        known = action.user is None or (action.account, action.user) in self.users
        return account + (0 if known else len((action.user or "").encode()))


@dataclass
class Figures:
    """All that is true of a slot. A user is one within an account, so user keys are (account, user)."""

    counts: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    user_counts: Counter[tuple[Pair, int, str]] = field(default_factory=Counter)
    active: dict[int, set[Pair]] = field(default_factory=dict)
    minutes: Counter[tuple[str, int]] = field(default_factory=Counter)
    first_day: dict[str, int] = field(default_factory=dict)
    profiles: dict[Pair, str] = field(default_factory=dict)
    counted: int = 0
    rejected: int = 0
    late: int = 0
    newest_day: int = 0
    closed_through: int = 0
    pruned_before: int = 0


@dataclass
class PlainSlot:
    """Counts a log in order. ``reasons`` has why an offset was refused, "form" where its value was no valid action."""

    rules: PlainRules
    seen: Figures = field(default_factory=Figures)
    reasons: dict[int, str] = field(default_factory=dict)
    held: Held = field(default_factory=Held)
    minutes: set[tuple[Pair, int, int]] = field(default_factory=set)
    newest_profiles: dict[Pair, tuple[int, int, str]] = field(default_factory=dict)

    def count(self, records: Iterable[LogRecord]) -> "PlainSlot":
        """Count records, each after the one before."""
        for record in records:
            reason = self._refused(record)
            if reason is None and record.action is not None:
                self._add(record, record.action)
            else:
                self.seen.rejected += 1
                self.reasons[record.offset] = reason or "form"
        return self

    def day(self, moment: int) -> int:
        """The local day of a moment."""
        zone = zoneinfo.ZoneInfo(self.rules.timezone)
        return (EPOCH + dt.timedelta(milliseconds=moment)).astimezone(zone).toordinal()

    def _age(self, action: Action) -> int:
        """Days older than the newest day before the record; there is none before the first."""
        return self.seen.newest_day - self.day(action.moment) if self.seen.newest_day else 0

    def _refused(self, record: LogRecord) -> str | None:
        if record.action is None:
            return "form"
        if record.action.moment - record.timestamp > DAY_MS:
            return "timestamp_in_future"
        if self._age(record.action) > self.rules.retention_days:
            return "before_retention"
        return "limit_reached" if self.held.is_full_for(record.action, self.rules) else None

    def _add(self, record: LogRecord, action: Action) -> None:
        seen, day = self.seen, self.day(action.moment)
        late = self._age(action) > self.rules.lateness_days
        self.held.add(action, self.rules)
        seen.counted += 1
        seen.late += late
        seen.newest_day = max(seen.newest_day, day)
        seen.counts[action.account, day, action.action] += 1
        seen.first_day[action.account] = min(day, seen.first_day.get(action.account, day))
        if action.user is None:
            return
        user = (action.account, action.user)
        seen.active.setdefault(day, set()).add(user)
        if self.rules.user_scores:
            seen.user_counts[user, day, action.action] += 1
        if not late:
            self.minutes.add((user, day, action.moment // MINUTE_MS))
        if action.profile is not None:
            said = (record.timestamp, record.offset, action.profile)
            self.newest_profiles[user] = max(said, self.newest_profiles.get(user, said))

    def figures(self) -> Figures:
        """What a checkpoint right now must hold: days before retention are gone, days beyond lateness closed."""
        seen, newest = self.seen, self.seen.newest_day
        kept = max(0, newest - self.rules.retention_days)
        return Figures(
            counts=Counter({key: n for key, n in seen.counts.items() if key[1] >= kept}),
            user_counts=Counter({key: n for key, n in seen.user_counts.items() if key[1] >= kept}),
            active={day: set(users) for day, users in seen.active.items() if day >= kept},
            minutes=Counter((user[0], day) for user, day, _ in self.minutes if day >= kept),
            first_day=dict(seen.first_day),
            profiles={user: profile for user, (_, _, profile) in self.newest_profiles.items()},
            counted=seen.counted,
            rejected=seen.rejected,
            late=seen.late,
            newest_day=newest,
            closed_through=max(0, newest - self.rules.lateness_days - 1),
            pruned_before=kept,
        )
