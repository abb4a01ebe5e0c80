"""The accounts topic: its JSON value, and what an accounts slot keeps of each valid record."""

from typing import Annotated

import msgspec

from schemas.events import Identifier

MAX_LICENSES = 2**53 - 1

Licenses = Annotated[int, msgspec.Meta(ge=0, le=MAX_LICENSES)]


class AccountValue(msgspec.Struct, frozen=True):
    """The full state of an account from `effective_at` on, as received."""

    account_id: Identifier
    status: Identifier | None = None
    created_at: str | None = None
    licenses: Licenses | None = None
    effective_at: str | None = None
    attributes: dict[str, msgspec.Raw] | None = None


class AccountEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One valid record of the accounts topic; `forgotten` entries come from null values and carry nothing else.

    `timestamp` is the Kafka record's own, `effective_at` is None for "before all others"; both in ms since the epoch.
    `created_day` is the day of `created_at` in the configured timezone, as `date.toordinal()`.
    """

    offset: int
    timestamp: int
    account_id: str
    forgotten: bool = False
    effective_at: int | None = None
    status: str | None = None
    licenses: int | None = None
    created_day: int | None = None
