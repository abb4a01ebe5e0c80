"""The Redis layout of a slot: its keys, its header and the names of its strings.

One Kafka partition is one slot is one Redis hash tag, so every key of a slot lives on one node. A slot is a set of
logical byte strings that only grow or are overwritten in place, plus one redo record that makes checkpoints true
(``store/redo.py``). A logical string is cut into chunks of ``CHUNK_BYTES``, one Redis key each.
"""

import datetime as dt
from functools import lru_cache

import msgspec
import numpy as np

LAYOUT_VERSION = 1
UNNAMED_LAYOUT = 1
"""The layout of a header that names none, whatever version reads it: that of layout 1 leaves the number out."""
BEING_EMPTIED = 0
"""The layout of a header that nobody loads: `rebuild` is deleting what the slot held."""
CHUNK_BYTES = 64 * 1024 * 1024
STATE_ID_BYTES = 16

ACCOUNTS = "accounts"
"""Name table of account ids: their UTF-8 bytes one after the other. The position in a table is the dense id."""
ACTIONS = "actions"
"""Name table of actions."""
PROFILES = "profiles"
"""Name table of user profiles."""
USERS = "users"
"""Name table of users."""
USER_ACCOUNTS = "user-accounts"
"""u32 by user: the dense id of the user's account."""
SERIES = "series"
"""Pairs of u32 (account id, action id); the position is the dense series id."""
USER_SERIES = "user-series"
"""Pairs of u32 (user id, action id), kept where per-user scores are configured."""
FIRST_DAY = "first-day"
"""u32 by account: the earliest day of any counted action, 0 for none."""
PROFILE = "profile"
"""24 bytes by user (``PROFILE_CELL``): the newest profile as profile id + 1, timestamp and offset of its record."""
RECORDS = "records"
"""Log of the valid records of a partition of the accounts topic."""

PROFILE_CELL = np.dtype(
    {
        "names": ["profile", "timestamp", "offset"],
        "formats": ["<u4", "<i8", "<i8"],
        "offsets": [0, 8, 16],
        "itemsize": 24,
    }
)


def name_lengths(table: str) -> str:
    """u16 by dense id: bytes of each name of a name table."""
    return f"{table}-lengths"


@lru_cache(maxsize=8192)
def dated(kind: str, day: int) -> str:
    """The name of a day's string of some kind."""
    return f"{kind}:{dt.date.fromordinal(day).isoformat()}"


def count(day: int) -> str:
    """u32 by series: actions of that day."""
    return dated("count", day)


def user_count(day: int) -> str:
    """u32 by user series: actions of that day."""
    return dated("user-count", day)


def active(day: int) -> str:
    """One bit by user (least significant bit first): acted on that day."""
    return dated("active", day)


def minutes(day: int) -> str:
    """u32 by account: distinct (user, minute) pairs of a closed day."""
    return dated("minutes", day)


def minute_log(day: int) -> str:
    """Pairs of u32 (user id, epoch minute) of an open day, nearly distinct."""
    return dated("minute-log", day)


@lru_cache(maxsize=8192)
def day_of(string: str) -> int | None:
    """The day (proleptic ordinal) that a string's name carries, or None."""
    _, colon, day = string.partition(":")
    return dt.date.fromisoformat(day).toordinal() if colon else None


class SlotName(msgspec.Struct, frozen=True, order=True):
    """A slot: one partition of one input topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def tag(self) -> str:
        """The Redis hash tag that all keys of the slot share."""
        return f"{{{self.topic}/{self.partition}}}"

    @property
    def redo_key(self) -> str:
        """The key of the redo record, which holds the header."""
        return f"{self.tag}:redo"

    def chunk_key(self, string: str, chunk: int) -> str:
        """The key of one chunk of a logical string."""
        return f"{self.tag}:{string}:{chunk}"


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Offsets ``start`` to ``end`` (exclusive) that a person decided to go on without."""

    start: int
    end: int


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is true of a slot as of its stored offset. Days are proleptic ordinals, 0 for none."""

    timezone: str
    topic_id: str
    next_offset: int
    first_offset: int
    leader_epoch: int | None = None
    """Of the last record before ``next_offset``, which is the one before ``epoch_offset``: the offset also passes
    markers of newer epochs, and to ask for it under the older one would look like a truncated log."""
    epoch_offset: int = 0
    layout: int = UNNAMED_LAYOUT
    sequence: int = 0
    previous: bytes = b""
    newest_day: int = 0
    closed_through: int = 0
    pruned_before: int = 0
    counted: int = 0
    rejected: int = 0
    late: int = 0
    gaps: tuple[Gap, ...] = ()
    lengths: dict[str, int] = {}
    """Bytes of every logical string; a string that is not named does not exist, whatever Redis holds under its key."""


def empty_header(timezone: str, topic_id: str, start: int) -> Header:
    """The header of a slot whose log is counted from `start` on, by this version."""
    return Header(timezone=timezone, topic_id=topic_id, next_offset=start, first_offset=start, layout=LAYOUT_VERSION)
