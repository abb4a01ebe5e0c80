"""Why a record is not counted, in words for whoever produced it."""

from enum import StrEnum

import msgspec

MAX_DETAIL = 500
MAX_QUOTED = 60


class Reason(StrEnum):
    """Reasons in the order in which they are judged: the first that fits is given."""

    TOO_LARGE = "too_large"
    MALFORMED_JSON = "malformed_json"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    BEFORE_RETENTION = "before_retention"
    LIMIT_REACHED = "limit_reached"


class Reject(msgspec.Struct, frozen=True, gc=False):
    """One refused record. `detail` is one printable line: the field, what is wrong, the fix."""

    reason: Reason
    detail: str


def reject(reason: Reason, detail: str) -> Reject:
    """Return a Reject whose detail keeps to one printable line of at most 500 characters, whatever went into it."""
    return Reject(reason, printable(detail, MAX_DETAIL))


def printable(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, with everything that does not print as an escape."""
    kept = text[: limit + 1]
    if not kept.isprintable():
        kept = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in kept)
    return kept if len(kept) <= limit else kept[: limit - 3] + "..."


def quoted(text: str) -> str:
    """Return a received text for use in a detail: short, in double quotes."""
    return '"' + printable(text, MAX_QUOTED) + '"'


def reject_headers(refused: Reject, topic: str, partition: int, offset: int) -> list[tuple[str, bytes]]:
    """Return the headers of a record of the rejects topic; the last three say which record was refused."""
    return [
        ("reason", refused.reason.value.encode()),
        ("detail", refused.detail.encode()),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
    ]
