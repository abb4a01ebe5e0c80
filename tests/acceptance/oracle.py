"""An independent, plain reading of what lies in the two input topics: moments, days, records in force, lateness.

No product code. Slow and simple on purpose: a person can check it against the definitions line by line, and the engine
is then checked against it. `plain_scores.py` goes on from here to the figures.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Json = Mapping[str, object]
Figures = dict[str, object]

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
    licenses: int = 0


@dataclass(frozen=True)
class Acted:
    """A counted action as the definitions look at it; `late` ones add no minute."""

    account: str
    action: str
    user: str | None
    day: date
    minute: int
    partition: int
    late: bool


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
    licenses = best[1].get("licenses")
    return InForce(None if status is None else str(status), created_day, int(str(licenses or 0)))


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


def read_actions(
    actions: Iterable[Json], timezone: str, partitions: Sequence[int] | None, lateness_days: int
) -> dict[str, list[Acted]]:
    """The counted actions by account. They come in the order of the logs of their partitions, else of a single one."""
    zone = ZoneInfo(timezone)
    newest: dict[int, date] = {}
    found: dict[str, list[Acted]] = defaultdict(list)
    for place, action in enumerate(actions):
        partition = 0 if partitions is None else partitions[place]
        at = instant(str(action["timestamp"]))
        day, user = at.astimezone(zone).date(), action.get("user_id")
        before = newest.get(partition, day)
        newest[partition] = max(before, day)
        account = str(action["account_id"])
        late = before - day > timedelta(days=lateness_days)
        name = None if user is None else str(user)
        minute = (at - EPOCH) // timedelta(minutes=1)
        found[account].append(Acted(account, str(action.get("action")), name, day, minute, partition, late))
    return found
