"""Bytes to columns, a batch at a time: a typed decode at C speed, and the strict path for all that it does not take.

The typed decode takes less than the strict path does, with two exceptions that are looked for beforehand: bytes that
are not UTF-8 inside unknown fields, and more levels than MAX_DEPTH where the Python at hand has the stack for them.
"""

from dataclasses import dataclass
from typing import Final, cast

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.accounts import AccountEntry, AccountValue
from schemas.events import ActionEvent
from schemas.moments import Calendar, parse_day_or_moment, parse_moment, parse_moments
from schemas.rejects import Reject
from stream.json_scan import MAX_DEPTH, is_too_deep
from stream.strict import strict_account, strict_action

SHORT: Final = 2 * MAX_DEPTH
"""Bytes that it takes to open and close MAX_DEPTH levels: a shorter value is never too deep."""

NOT_TAKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the typed decode raises for bytes that it does not take."""

_STRICT = b""
"""Stands for a value that the typed decode must not see: it takes no empty one."""

_REFUSED = ActionEvent("", "", "0000-00-00T00:00:00.000Z")
"""Stands for a refused value: its timestamp is none, so what drops those drops this; it is as long as most."""

_actions = msgspec.json.Decoder(ActionEvent)
_accounts = msgspec.json.Decoder(AccountValue)


@dataclass(frozen=True, slots=True)
class ActionColumns:
    """The accepted actions of a batch, one cell per action in each column, and the refused ones.

    `index` has the positions of the accepted values in the batch, rising; `moments` are ms since the epoch; `rejects`
    are (position, Reject), rising.
    """

    index: npt.NDArray[np.int64]
    accounts: list[str]
    actions: list[str]
    users: list[str | None]
    profiles: list[str | None]
    moments: npt.NDArray[np.int64]
    rejects: list[tuple[int, Reject]]


def decode_actions(values: list[bytes | None], max_record_bytes: int) -> ActionColumns:
    """Decode a batch of values of the actions topic; judges all reasons up to invalid_field."""
    rejects: dict[int, Reject] = {}
    events = _events(values, max_record_bytes, rejects)
    moments, accepted = parse_moments([event.timestamp for event in events])
    index = np.flatnonzero(accepted)
    if len(index) < len(events):
        for i in np.flatnonzero(~accepted).tolist():
            if i not in rejects:
                rejects[i] = _reject(values[i], max_record_bytes)
        events = [events[i] for i in index.tolist()]
        moments = moments[index]
    return ActionColumns(
        index=index,
        accounts=[event.account_id for event in events],
        actions=[event.action for event in events],
        users=[event.user_id for event in events],
        profiles=[event.user_profile for event in events],
        moments=moments,
        rejects=sorted(rejects.items()),
    )


def decode_account(  # noqa: PLR0913  the parts of a record, and what decides about it
    key: bytes | None,
    value: bytes | None,
    *,
    offset: int,
    timestamp: int,
    max_record_bytes: int,
    calendar: Calendar,
) -> AccountEntry | Reject:
    """Decode one record of the accounts topic; `offset` and `timestamp` (ms) are the Kafka record's own."""
    if value is not None and not _needs_strict(value, max_record_bytes):
        try:
            account = _accounts.decode(value)
            if key == account.account_id.encode():
                return _entry(account, offset, timestamp, calendar)
        except (*NOT_TAKEN, ValueError):
            pass
    return strict_account(
        key, value, offset=offset, timestamp=timestamp, max_record_bytes=max_record_bytes, calendar=calendar
    )


def _events(values: list[bytes | None], max_record_bytes: int, rejects: dict[int, Reject]) -> list[ActionEvent]:
    """Return one event for each value, _REFUSED where `rejects` gets an entry."""
    events: list[ActionEvent] = []
    source = map(_actions.decode, _guarded(values, max_record_bytes))
    while len(events) < len(values):
        try:
            # What came before an exception stays in the list, and the iterator goes on behind the value that raised it.
            events.extend(source)
        except NOT_TAKEN:
            position = len(events)
            decoded = strict_action(values[position], max_record_bytes)
            if isinstance(decoded, Reject):
                rejects[position] = decoded
                decoded = _REFUSED
            events.append(decoded)
    return events


def _guarded(values: list[bytes | None], max_record_bytes: int) -> list[bytes]:
    """Return the values with _STRICT in the place of those that the typed decode would take where it must not."""
    # Asking whether all are true is the fastest way to find a None.
    whole = cast("list[bytes]", values) if all(values) else [value or _STRICT for value in values]
    if len(max(whole, key=len, default=b"")) <= min(SHORT, max_record_bytes) and _is_utf8(b"\n".join(whole)):
        return whole
    return [_STRICT if _needs_strict(value, max_record_bytes) else value for value in whole]


def _needs_strict(value: bytes, max_record_bytes: int) -> bool:
    return len(value) > max_record_bytes or not _is_utf8(value) or (len(value) > SHORT and is_too_deep(value))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _reject(value: bytes | None, max_record_bytes: int) -> Reject:
    """Return why a value whose timestamp is none is refused."""
    decoded = strict_action(value, max_record_bytes)
    if isinstance(decoded, Reject):
        return decoded
    raise AssertionError(decoded.timestamp)  # both parse a timestamp with the same function


def _entry(account: AccountValue, offset: int, timestamp: int, calendar: Calendar) -> AccountEntry:
    return AccountEntry(
        offset=offset,
        timestamp=timestamp,
        account_id=account.account_id,
        effective_at=None if account.effective_at is None else parse_moment(account.effective_at),
        status=account.status,
        licenses=account.licenses,
        created_day=None if account.created_at is None else parse_day_or_moment(account.created_at, calendar),
    )
