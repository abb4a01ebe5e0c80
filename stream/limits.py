"""How much a partition may hold, so that no flood of invented names grows memory and Redis without bound."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schemas.rejects import Reason, Reject, reject
from schemas.settings import Settings

NO_LIMIT = 2**32 - 2
"""Ids are u32, and some are stored plus one."""
MOST_NAME_BYTES = 4 * 256
"""Of one name: 256 code points."""


class Table(IntEnum):
    """What counting an action may add to, in the order in which full ones are looked for."""

    ACCOUNTS = 0
    USERS = 1
    ACTIONS = 2
    PROFILES = 3
    SERIES = 4
    USER_SERIES = 5
    NAME_BYTES = 6
    """No table of its own: the bytes of all names of accounts and users."""


MOST_ADDED = np.array([2 * MOST_NAME_BYTES if table is Table.NAME_BYTES else 1 for table in Table], np.int64)
"""The most that one record adds to each."""

_WORDS = {
    Table.ACCOUNTS: ("account_id", "accounts", "max_accounts"),
    Table.USERS: ("user_id", "users", "max_users"),
    Table.ACTIONS: ("action", "actions", "max_actions"),
    Table.PROFILES: ("user_profile", "profiles", "max_profiles"),
    Table.SERIES: ("action", "pairs of account and action", "max_series"),
    Table.USER_SERIES: ("action", "pairs of user and action", "max_series"),
    Table.NAME_BYTES: ("account_id or user_id", "bytes of such names", "max_name_bytes"),
}
"""The field that is new, what the partition holds of it, the setting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one partition. ``series`` holds for pairs of account and action, and as much for those of user and action."""

    accounts: int = NO_LIMIT
    users: int = NO_LIMIT
    actions: int = NO_LIMIT
    profiles: int = NO_LIMIT
    series: int = NO_LIMIT
    name_bytes: int = NO_LIMIT * 2 * MOST_NAME_BYTES
    account_records: int = NO_LIMIT

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that settings set."""
        return cls(
            accounts=settings.max_accounts,
            users=settings.max_users,
            actions=settings.max_actions,
            profiles=settings.max_profiles,
            series=settings.max_series,
            name_bytes=settings.max_name_bytes,
            account_records=settings.max_account_records,
        )

    def by_table(self) -> NDArray[np.int64]:
        """The limit of each ``Table``."""
        pairs = self.series
        return np.array(
            [self.accounts, self.users, self.actions, self.profiles, pairs, pairs, self.name_bytes], np.int64
        )


NO_LIMITS = Limits()


def full_table(table: Table, limits: Limits) -> Reject:
    """Why an action that would add to ``table`` is refused."""
    field, held, setting = _WORDS[table]
    return _reached(field, int(limits.by_table()[table]), held, setting)


def full_log(limits: Limits) -> Reject:
    """Why a record of the accounts topic is refused."""
    return _reached("record", limits.account_records, "account records", "max_account_records")


def _reached(field: str, most: int, held: str, setting: str) -> Reject:
    known = "" if field == "record" else "; what it knows already goes on being counted"
    detail = (
        f"{field}: one more does not fit, the partition holds {most:,} {held}, all that {setting} allows{known}: "
        f"stop the producer that invents them, or raise {setting} and send this again"
    )
    return reject(Reason.LIMIT_REACHED, detail)
