"""Seeded random histories of accounts and actions, dense in the cases that go wrong: ties, edges of days, returns."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from tests.acceptance.oracle import AccountRecord, Json

STATUSES = ("Gold", "gold", " Gold", "Größe ✓", "Only", "Unscored", None)
SPAN_DAYS = 34
LATE_DAYS = 45
AHEAD_DAYS = 3


@dataclass(frozen=True)
class Workload:
    """What lies in the two topics: actions in order of production, account records in order of the topic."""

    actions: list[Json]
    accounts: list[AccountRecord]
    days: list[date]


@cache
def midnight(zone: ZoneInfo, day: date) -> datetime:
    """The first instant of the day, found by its meaning: zones may have no 00:00 on a day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    steps = (start + timedelta(minutes=15 * step) for step in range(3 * 24 * 4))
    return next(at for at in steps if at.astimezone(zone).date() >= day)


@dataclass(frozen=True)
class Maker:
    """Makes histories around `start`; all randomness is `random`."""

    random: Random
    zone: ZoneInfo
    start: date

    def text(self, at: datetime) -> str:
        """One of the ways to write a moment."""
        zones = (UTC, self.zone, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns"))
        written = at.astimezone(self.random.choice(zones)).isoformat(
            timespec=self.random.choice(("milliseconds", "auto"))
        )
        return written.replace("+00:00", self.random.choice(("Z", "z", "+00:00", "-00:00")))

    def moment(self, day: date) -> datetime:
        """A moment of the day; often its very first or last millisecond."""
        first, after = midnight(self.zone, day), midnight(self.zone, day + timedelta(days=1))
        edges = (first, after - timedelta(milliseconds=1))
        if self.random.random() < 0.3:
            return self.random.choice(edges)
        length = max(1, int((after - first) / timedelta(milliseconds=1)))  # a zone may have skipped the whole day
        return first + timedelta(milliseconds=self.random.randrange(length))

    def action(self, account: str, arrival: int) -> Json:
        """An action that arrives on day `arrival` of the span: mostly of that day, some late, some ahead."""
        kind = self.random.random()
        ahead = self.random.randint(1, AHEAD_DAYS) if kind < 0.05 else 0
        late = self.random.randint(1, LATE_DAYS) if kind > 0.85 else 0
        action: dict[str, object] = {
            "account_id": account,
            "action": self.random.choice(("open", "save", "Öffnen", "x" * 200)),
            "timestamp": self.text(self.moment(self.start + timedelta(days=arrival + ahead - late))),
        }
        if self.random.random() < 0.7:
            action["user_id"] = f"u{self.random.randrange(9)}"
        if self.random.random() < 0.2:
            action["user_profile"] = self.random.choice(("admin", None))
        return action

    def state(self, account: str) -> Json:
        """The value of an account record, from any day of the span on or before it, in no order."""
        random, value = self.random, {"account_id": account}
        optional: dict[str, object] = {"status": random.choice(STATUSES)}
        if random.random() < 0.85:
            day = self.start + timedelta(days=random.randint(-5, SPAN_DAYS + 2))
            optional["effective_at"] = self.text(
                midnight(self.zone, day) if random.random() < 0.6 else self.moment(day)
            )
        if random.random() < 0.4:
            created = self.start + timedelta(days=random.randint(-20, SPAN_DAYS + 5))
            optional["created_at"] = random.choice((created.isoformat(), self.text(self.moment(created))))
        if random.random() < 0.3:
            optional["licenses"] = random.choice((0, 1, 32, None))
        return {**value, **{name: part for name, part in optional.items() if part is not None or random.random() < 0.5}}


def make(seed: int, timezone: str, start: date) -> Workload:
    """About 70 accounts: silent ones, ones without a record, tied ones, and ones that were forgotten."""
    random = Random(seed)
    maker = Maker(random, ZoneInfo(timezone), start)
    names = [f"account {number}" for number in range(60)] + ["Ünï ✓ 😀", "a" * 256, "{tag}"]
    actions: list[Json] = []
    for arrival in range(SPAN_DAYS):
        actions += [maker.action(names[int(len(names) * random.random() ** 2)], arrival) for _ in range(110)]
    actions += tied(maker)
    return Workload(actions, account_records(maker, [*names, *(f"silent {n}" for n in range(8))]), days(start))


def tied(maker: Maker) -> list[Json]:
    """Accounts alike in all their days, and accounts at exactly one action a day and just under it."""
    actions: list[Json] = []
    for name, count in (("tied a", 20), ("tied b", 20), ("tied c", 20), ("at one", 14), ("under one", 13)):
        for number in range(count):
            at = maker.text(maker.moment(maker.start + timedelta(days=number % 14)))
            actions.append({"account_id": name, "action": "open", "timestamp": at})
    return actions


def account_records(maker: Maker, names: list[str]) -> list[AccountRecord]:
    random, records = maker.random, []
    for account in names:
        last = [random.choice((None, maker.state(account)))] if random.random() < 0.3 else []
        for value in [maker.state(account) for _ in range(random.choice((0, 1, 1, 2, 4)))] + last:
            records.append((account, value))
            if random.random() < 0.1:
                records += [(account, None), (account, maker.state(account))]
            if value is not None and random.random() < 0.2:  # the same moment again: the last in the topic holds
                records.append((account, {**maker.state(account), "effective_at": value.get("effective_at")}))
    order = sorted(range(len(records)), key=lambda _: random.random())
    return [AccountRecord(*records[at], place=(number, 0, number)) for number, at in enumerate(order)]


def days(start: date) -> list[date]:
    return [start + timedelta(days=number) for number in (0, 13, 24, SPAN_DAYS - 1, SPAN_DAYS + 10)]
