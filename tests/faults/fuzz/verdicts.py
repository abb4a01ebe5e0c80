"""What each decoder says of a record: the product's fast path, its exact one, and the checker, which shares no line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from schemas.accounts import AccountEntry
from schemas.moments import Calendar, parse_moment
from schemas.rejects import Reject
from stream.decode import decode_account, decode_actions
from stream.strict import strict_account, strict_action
from tests.faults.checker.decision import account, action
from tests.faults.checker.moments import days_of
from tests.faults.checker.report import Rules

LIMIT = 5_000
TIMEZONE = "Europe/Berlin"
CALENDAR = Calendar(TIMEZONE)
RULES = Rules(timezone=TIMEZONE, max_record_bytes=LIMIT)
DAY_OF = days_of(TIMEZONE)
OFFSET, TIMESTAMP = 7, 1_800_000_000_000


@dataclass(frozen=True)
class Record:
    """A record of one of the input topics."""

    topic: str
    key: bytes | None
    value: bytes | None


Said = tuple[object, ...]
"""What a record says, cell by cell; ("rejected", the reason) for one that is refused."""


def rejected(refused: Reject) -> Said:
    return ("rejected", refused.reason.value)


def exact(record: Record) -> tuple[Said, str]:
    """What the exact path says, and the detail of a reject."""
    if record.topic == "accounts":
        entry = strict_account(record.key, record.value, **_context())
        return (rejected(entry), entry.detail) if isinstance(entry, Reject) else (_entry(entry), "")
    event = strict_action(record.value, LIMIT)
    if isinstance(event, Reject):
        return rejected(event), event.detail
    moment = parse_moment(event.timestamp)
    return (event.account_id, event.action, event.user_id, event.user_profile, moment), ""


def fast(records: Sequence[Record]) -> list[Said]:
    """What the fast path says of each record; actions are decoded as one batch, as the worker does."""
    actions = [place for place, record in enumerate(records) if record.topic == "actions"]
    columns = decode_actions([records[place].value for place in actions], LIMIT)
    said: dict[int, Said] = {actions[at]: rejected(refused) for at, refused in columns.rejects}
    cells = (columns.accounts, columns.actions, columns.users, columns.profiles, columns.moments.tolist())
    said |= {actions[at]: row for at, row in zip(columns.index.tolist(), zip(*cells, strict=True), strict=True)}
    for place, record in enumerate(records):
        if record.topic == "accounts":
            entry = decode_account(record.key, record.value, **_context())
            said[place] = rejected(entry) if isinstance(entry, Reject) else _entry(entry)
    return [said[place] for place in range(len(records))]


def independent(record: Record) -> Said:
    """What the checker says."""
    of_accounts = record.topic == "accounts"
    found = account(record.key, record.value, RULES, DAY_OF) if of_accounts else action(record.value, RULES)
    return ("rejected", found) if isinstance(found, str) else tuple(found)


class _Context(TypedDict):
    offset: int
    timestamp: int
    max_record_bytes: int
    calendar: Calendar


def _context() -> _Context:
    return {"offset": OFFSET, "timestamp": TIMESTAMP, "max_record_bytes": LIMIT, "calendar": CALENDAR}


def _entry(entry: AccountEntry) -> Said:
    assert (entry.offset, entry.timestamp) == (OFFSET, TIMESTAMP)
    return (entry.account_id, entry.forgotten, entry.effective_at, entry.status, entry.licenses, entry.created_day)
