"""An independent, plain reading of what a score means: sets, dicts and exact fractions, no product code.

It answers for lists of dicts as they stand in the two input topics. Slow and simple on purpose: a person can check it
against the definitions line by line, and the engine is then checked against it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

Json = Mapping[str, object]
Figures = dict[str, object]

WINDOW_DAYS = 14
FIELDS = (
    "as_of",
    "account_id",
    "status",
    "score",
    "rank",
    "cohort_size",
    "accounts_in_status",
    "average_daily_actions",
    "actions",
    "days_considered",
    "usage_frequency",
    "active_days",
)
FREQUENCIES = ((9, "daily"), (5, "weekly"), (2, "occasionally"), (0, "inactive"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class AccountRecord:
    """One record of the accounts topic as it lies there; a value of None means: forget the account."""

    account_id: str
    value: Json | None
    place: tuple[int, int, int] = (0, 0, 0)  # (record timestamp, partition, offset): the order of the topic


@dataclass(frozen=True)
class InForce:
    status: str | None = None
    created_day: date | None = None


def instant(text: str) -> datetime:
    """The moment an RFC 3339 text names, cut to whole milliseconds, in UTC."""
    match = MOMENT.fullmatch(text)
    if match is None:
        message = f"{text!r} is no RFC 3339 moment"
        raise ValueError(message)
    day, clock, fraction, offset = match.groups()
    offset = "+00:00" if offset in "Zz" else offset
    milliseconds = int(((fraction or "") + "000")[:3])
    return (datetime.fromisoformat(f"{day}T{clock}{offset}") + timedelta(milliseconds=milliseconds)).astimezone(UTC)


def day_of(text: str, zone: ZoneInfo) -> date:
    return instant(text).astimezone(zone).date()


def record_in_force(records: list[AccountRecord], as_of: date, zone: ZoneInfo) -> InForce | None:
    """The state that one account had at the end of as_of; None where no record says anything about that day yet."""
    best: tuple[datetime, Json] | None = None
    for record in records:
        value = record.value or {}
        start = value.get("effective_at")
        since = datetime.min.replace(tzinfo=UTC) if start is None else instant(str(start))
        if start is not None and since.astimezone(zone).date() > as_of:
            continue
        if best is None or since >= best[0]:
            best = (since, value)
    if best is None:
        return None
    status, created = best[1].get("status"), best[1].get("created_at")
    created_day = None
    if created is not None:
        text = str(created)
        created_day = date.fromisoformat(text) if DATE.fullmatch(text) else day_of(text, zone)
    return InForce(None if status is None else str(status), created_day)


def histories(records: Iterable[AccountRecord]) -> tuple[dict[str, list[AccountRecord]], set[str]]:
    """Per account its records since it was last forgotten, in topic order; and the accounts that stand forgotten."""
    kept: dict[str, list[AccountRecord]] = defaultdict(list)
    forgotten: set[str] = set()
    for record in sorted(records, key=lambda r: r.place):
        if record.value is None:
            kept.pop(record.account_id, None)
            forgotten.add(record.account_id)
        else:
            kept[record.account_id].append(record)
            forgotten.discard(record.account_id)
    return kept, forgotten


def frequency(active_days: int) -> str:
    return next(name for least, name in FREQUENCIES if active_days >= least)


def place_among_peers(average: Fraction, peers: list[Fraction]) -> tuple[int, int]:
    """(score, rank) of an account with this average among the ranked averages of its Status, itself included."""
    rank = 1 + sum(1 for peer in peers if peer > average)
    if rank == 1:
        return 100, rank
    lower = sum(1 for peer in peers if peer < average)
    return max(1, 100 * lower // (len(peers) - 1)), rank


def activity(account_days: Counter[date], in_force: InForce, as_of: date) -> Figures | None:
    """The figures of one account that do not depend on others; None where it is created only after as_of."""
    days = {day: count for day, count in account_days.items() if day <= as_of}
    created = in_force.created_day or min(days, default=None)
    if created is not None and created > as_of:
        return None
    considered = WINDOW_DAYS if created is None else min(WINDOW_DAYS, (as_of - created).days + 1)
    actions = sum(count for day, count in days.items() if (as_of - day).days < considered)
    active_days = sum(1 for day in days if (as_of - day).days < WINDOW_DAYS)
    return {
        "status": in_force.status,
        "actions": actions,
        "days_considered": considered,
        "average": Fraction(actions, considered),
        "active_days": active_days,
    }


def expected_scores(
    actions: Iterable[Json],
    accounts: Iterable[AccountRecord],
    as_of: date,
    *,
    timezone: str = "UTC",
    unscored: Collection[str] = (),
) -> dict[str, Figures]:
    """Every account of the run of as_of with its figures, by account_id. `actions` holds the counted ones only."""
    zone = ZoneInfo(timezone)
    counts: dict[str, Counter[date]] = defaultdict(Counter)
    for action in actions:
        counts[str(action["account_id"])][day_of(str(action["timestamp"]), zone)] += 1
    kept, forgotten = histories(accounts)
    run: dict[str, Figures] = {}
    for account_id in sorted((counts.keys() | kept.keys()) - forgotten, key=str.encode):
        in_force = record_in_force(kept.get(account_id, []), as_of, zone)
        if in_force is None and not any(day <= as_of for day in counts[account_id]):
            continue
        figures = activity(counts[account_id], in_force or InForce(), as_of)
        if figures is not None:
            run[account_id] = figures
    return ranked(run, as_of, unscored)


def ranked(run: dict[str, Figures], as_of: date, unscored: Collection[str]) -> dict[str, Figures]:
    listed: Counter[object] = Counter(figures["status"] for figures in run.values())
    cohorts: dict[object, list[Fraction]] = defaultdict(list)
    for figures in run.values():
        average = figures["average"]
        assert isinstance(average, Fraction)
        if average >= 1 and figures["status"] not in unscored:
            cohorts[figures["status"]].append(average)
    return {
        account_id: {
            "as_of": as_of.isoformat(),
            "account_id": account_id,
            **judged(figures, cohorts[figures["status"]], unscored=figures["status"] in unscored),
            "accounts_in_status": listed[figures["status"]],
        }
        for account_id, figures in run.items()
    }


def judged(figures: Figures, peers: list[Fraction], *, unscored: bool) -> Figures:
    average, active_days = figures["average"], figures["active_days"]
    assert isinstance(average, Fraction)
    assert isinstance(active_days, int)
    score: int | None = None
    rank: int | None = None
    if not unscored:
        score, rank = place_among_peers(average, peers) if average >= 1 else (0, None)
    return {
        "status": figures["status"],
        "score": score,
        "rank": rank,
        "cohort_size": len(peers),
        "average_daily_actions": float(average),
        "actions": figures["actions"],
        "days_considered": figures["days_considered"],
        "usage_frequency": frequency(active_days),
        "active_days": active_days,
    }
