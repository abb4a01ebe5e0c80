"""The exact decoding that alone decides: one record to what it says, or to the reason why it is refused.

Reasons are judged in their order over the whole record: too_large, malformed_json, missing_field, invalid_field.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from schemas.accounts import MAX_LICENSES, AccountEntry, AccountValue
from schemas.events import MAX_CHARACTERS, ActionEvent
from schemas.moments import Calendar, parse_day_or_moment, parse_moment
from schemas.rejects import MAX_QUOTED, Reason, Reject, printable, quoted, reject
from stream.json_scan import JsonError, Value, read_object

Names = tuple[str, ...]
Fields = dict[str, Value]
"""The known fields of a record; one that is null is absent."""

Checked = TypeVar("Checked")

_INTEGER = re.compile(r"-?0|[1-9][0-9]*")
_MAX_DIGITS = len(str(MAX_LICENSES))
_MOMENT_FIX = "send a moment with offset, such as 2026-11-01T09:30:00Z"


class Refused(Exception):  # noqa: N818  no error of ours: it carries a Reject from where it is found to the caller
    """A record is refused."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reject = reject(reason, detail)


def strict_action(value: bytes | None, max_record_bytes: int) -> ActionEvent | Reject:
    """Return the event in one value of the actions topic, its timestamp known to be a moment; or the Reject."""
    try:
        fields = _fields(value, max_record_bytes, ("account_id", "action", "timestamp"), ActionEvent.__struct_fields__)
        event = ActionEvent(
            account_id=_identifier("account_id", fields["account_id"]),
            action=_identifier("action", fields["action"]),
            timestamp=_text("timestamp", fields["timestamp"]),
            user_id=_optional("user_id", fields, _identifier),
            user_profile=_optional("user_profile", fields, _identifier),
            message_id=_optional("message_id", fields, _identifier),
        )
        _moment("timestamp", fields["timestamp"])
    except Refused as refused:
        return refused.reject
    return event


def strict_account(  # noqa: PLR0913  the parts of a record, and what decides about it
    key: bytes | None,
    value: bytes | None,
    *,
    offset: int,
    timestamp: int,
    max_record_bytes: int,
    calendar: Calendar,
) -> AccountEntry | Reject:
    """Return what one record of the accounts topic says, or the Reject; a null value forgets the account of its key."""
    try:
        if value is None:
            return AccountEntry(offset=offset, timestamp=timestamp, account_id=_forgotten(key), forgotten=True)
        fields = _fields(value, max_record_bytes, ("account_id",), AccountValue.__struct_fields__)
        entry = AccountEntry(
            offset=offset,
            timestamp=timestamp,
            account_id=_identifier("account_id", fields["account_id"]),
            status=_optional("status", fields, _identifier),
            created_day=_optional("created_at", fields, lambda name, at: _day(name, at, calendar)),
            licenses=_optional("licenses", fields, _licenses),
            effective_at=_optional("effective_at", fields, _moment),
        )
        _optional("attributes", fields, _object)
        _same_key(key, entry.account_id)
    except Refused as refused:
        return refused.reject
    return entry


def _fields(value: bytes | None, max_record_bytes: int, required: Names, known: Names) -> Fields:
    if value is None:
        raise Refused(Reason.MALFORMED_JSON, "the record has no value; send a JSON object")
    if len(value) > max_record_bytes:
        detail = f"the value has {len(value):,} bytes; send at most {max_record_bytes:,}, or raise max_record_bytes"
        raise Refused(Reason.TOO_LARGE, detail)
    try:
        scanned = read_object(value, known)
    except JsonError as error:
        raise Refused(Reason.MALFORMED_JSON, f"not a JSON object: {error}; send valid JSON in UTF-8") from None
    fields = {name: field for name, field in scanned.items() if field.kind != "null"}
    missing = [name for name in required if name not in fields]
    if missing:
        raise Refused(Reason.MISSING_FIELD, f"{', '.join(missing)}: missing or null; every record needs it")
    return fields


def _invalid(name: str, value: Value, complaint: str, fix: str) -> Refused:
    shown = quoted(value.text) if value.kind == "text" else _literal(value)
    return Refused(Reason.INVALID_FIELD, f"{name}: {shown} {complaint}; {fix}")


def _literal(value: Value) -> str:
    return printable(value.text, MAX_QUOTED) or f"an {value.kind}"


def _text(name: str, value: Value) -> str:
    if value.kind != "text":
        raise _invalid(name, value, f"is a JSON {value.kind}, not a text", "put it in double quotes")
    return value.text


def _identifier(name: str, value: Value) -> str:
    text = _text(name, value)
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise _invalid(name, value, f"has {len(text):,} characters", f"send 1 to {MAX_CHARACTERS}")
    return text


def _moment(name: str, value: Value) -> int:
    try:
        return parse_moment(_text(name, value))
    except ValueError as error:
        raise _invalid(name, value, str(error), _MOMENT_FIX) from None


def _day(name: str, value: Value, calendar: Calendar) -> int:
    try:
        return parse_day_or_moment(_text(name, value), calendar)
    except ValueError as error:
        raise _invalid(name, value, str(error), f"{_MOMENT_FIX}, or a date such as 2026-11-01") from None


def _licenses(name: str, value: Value) -> int:
    if value.kind != "number" or not _INTEGER.fullmatch(value.text):
        raise _invalid(name, value, "is not an integer literal of 0 or more", "send one such as 25")
    if len(value.text) > _MAX_DIGITS or int(value.text) > MAX_LICENSES:
        raise _invalid(name, value, "is too large", f"send at most {MAX_LICENSES}")
    return int(value.text)


def _object(name: str, value: Value) -> None:
    if value.kind != "object":
        raise _invalid(name, value, "is not an object", "send an object or leave it out")


def _optional(name: str, fields: Fields, check: Callable[[str, Value], Checked]) -> Checked | None:
    return check(name, fields[name]) if name in fields else None


def _forgotten(key: bytes | None) -> str:
    if key is None:
        raise Refused(Reason.MISSING_FIELD, "account_id: no value and no key; the key names the account to forget")
    try:
        account_id = key.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.INVALID_FIELD, "key: not UTF-8; send the account_id as key") from None
    return _identifier("key", Value("text", account_id))


def _same_key(key: bytes | None, account_id: str) -> None:
    if key is None:
        raise Refused(Reason.INVALID_FIELD, "key: missing; send the account_id as key")
    if key != account_id.encode():
        shown = quoted(key.decode(errors="backslashreplace"))
        raise Refused(Reason.INVALID_FIELD, f"key: {shown} is not the account_id; send the account_id as key")
