"""Whether a record is well-formed, by the contracts in DESIGN.md: what it says, or the reason for refusing it."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import orjson

from tests.faults.checker.json_text import NotJson, Number, Object, members
from tests.faults.checker.moments import NoMoment, day, moment
from tests.faults.checker.report import Rules

TOO_LARGE = "too_large"
MALFORMED = "malformed_json"
MISSING = "missing_field"
INVALID = "invalid_field"
IN_FUTURE = "timestamp_in_future"
TOO_OLD = "before_retention"

LONGEST = 256
MOST_LICENSES = 2**53 - 1
_INTEGER = re.compile(r"-?0|[1-9][0-9]{0,15}")
_TEXTS = ("account_id", "action", "user_id", "user_profile", "message_id")
_REQUIRED = ("account_id", "action", "timestamp")


class Action(NamedTuple):
    """What an action says; ``moment`` in milliseconds since 1970."""

    account: str
    action: str
    user: str | None
    profile: str | None
    moment: int


class Account(NamedTuple):
    """What an account record says, in the order in which a slot keeps it after offset and timestamp."""

    account: str
    forgotten: bool = False
    effective_at: int | None = None
    status: str | None = None
    licenses: int | None = None
    created_day: int | None = None


class Refused(Exception):  # noqa: N818  a decision, not a failure
    """A record is refused; the argument is the reason."""


def action(value: bytes | None, rules: Rules) -> Action | str:
    """What a value of the actions topic says, or the reason for refusing it."""
    said = surely_good(value) if value is not None and len(value) <= rules.max_record_bytes else None
    return exact_action(value, rules) if said is None else said


def exact_action(value: bytes | None, rules: Rules) -> Action | str:
    """The same, of any value."""
    try:
        return _action(_fields(value, rules, _REQUIRED))
    except Refused as refused:
        return str(refused)


def surely_good(value: bytes) -> Action | None:
    """What a value says that a strict parser takes and whose fields are all right; None where anything is unusual."""
    try:
        found = orjson.loads(value)
        account, name, text = found["account_id"], found["action"], found["timestamp"]
        user, profile, message = found.get("user_id"), found.get("user_profile"), found.get("message_id")
        for one in (account, name, user, profile, message):
            if one is not None and not (type(one) is str and 0 < len(one) <= LONGEST):
                return None
        if account is None or name is None or type(text) is not str:
            return None
        return Action(account, name, user, profile, moment(text))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, NoMoment):
        return None


def _fields(value: bytes | None, rules: Rules, required: Iterable[str]) -> dict[str, object]:
    """The fields of an object that are not null, with all that is required."""
    if value is None:
        raise Refused(MALFORMED)
    if len(value) > rules.max_record_bytes:
        raise Refused(TOO_LARGE)
    try:
        found = {name: field for name, field in members(value).items() if field is not None}
    except NotJson:
        raise Refused(MALFORMED) from None
    if any(name not in found for name in required):
        raise Refused(MISSING)
    return found


def _action(fields: dict[str, object]) -> Action:
    texts = {name: _identifier(fields[name]) for name in _TEXTS if name in fields}
    at = _moment(fields["timestamp"])
    return Action(texts["account_id"], texts["action"], texts.get("user_id"), texts.get("user_profile"), at)


def _text(field: object) -> str:
    if not isinstance(field, str) or isinstance(field, Number):
        raise Refused(INVALID)
    return field


def _identifier(field: object) -> str:
    text = _text(field)
    if not 1 <= len(text) <= LONGEST:
        raise Refused(INVALID)
    return text


def _moment(field: object) -> int:
    try:
        return moment(_text(field))
    except NoMoment:
        raise Refused(INVALID) from None


def account(key: bytes | None, value: bytes | None, rules: Rules, day_of: Callable[[int], int]) -> Account | str:
    """What a record of the accounts topic says, or the reason for refusing it."""
    try:
        return _forgetting(key) if value is None else _exact_account(key, value, rules, day_of)
    except Refused as refused:
        return str(refused)


def _forgetting(key: bytes | None) -> Account:
    if key is None:
        raise Refused(MISSING)
    try:
        return Account(_identifier(key.decode("utf-8", "strict")), forgotten=True)
    except UnicodeDecodeError:
        raise Refused(INVALID) from None


def _exact_account(key: bytes | None, value: bytes, rules: Rules, day_of: Callable[[int], int]) -> Account:
    fields = _fields(value, rules, ("account_id",))
    found = Account(
        account=_identifier(fields["account_id"]),
        effective_at=_moment(fields["effective_at"]) if "effective_at" in fields else None,
        status=_identifier(fields["status"]) if "status" in fields else None,
        licenses=_licenses(fields["licenses"]) if "licenses" in fields else None,
        created_day=_day(fields["created_at"], day_of) if "created_at" in fields else None,
    )
    if "attributes" in fields and not isinstance(fields["attributes"], Object):
        raise Refused(INVALID)
    if key is None or key != found.account.encode():
        raise Refused(INVALID)
    return found


def _licenses(field: object) -> int:
    if not isinstance(field, Number) or not _INTEGER.fullmatch(field) or int(field) > MOST_LICENSES:
        raise Refused(INVALID)
    return int(field)


def _day(field: object, day_of: Callable[[int], int]) -> int:
    try:
        return day(_text(field), day_of)
    except NoMoment:
        raise Refused(INVALID) from None
