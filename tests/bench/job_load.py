"""A large system's slots as the stream would leave them, made with numpy and written through real checkpoints."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.accounts import AccountEntry
from store import layout, tables
from store.layout import Header, SlotName
from store.redo import RedoRecord, Write, encode_redo
from store.slots import Answer, SlotStore

STATUSES = ("Platinum", "Gold", "Silver", None)
ACTIONS = ("view", "edit", "login", "export")
CHECKPOINT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Size:
    """How much there is, over all partitions; `as_of` is the newest day."""

    accounts: int
    users: int
    days: int
    count_days: int
    partitions: int
    as_of: int


def actions_strings(size: Size, partition: int) -> Iterator[tuple[str, bytes]]:
    """The strings of one slot of actions. An eighth of its users acts on any day, each account has two actions."""
    rng = np.random.default_rng([7, partition])
    accounts, users = size.accounts // size.partitions, size.users // size.partitions
    yield from _table(layout.ACCOUNTS, _names(b"account-", partition * accounts, accounts))
    yield from _table(layout.USERS, _names(b"u-", partition * users, users))
    yield layout.ACTIONS, "".join(ACTIONS).encode()
    yield layout.name_lengths(layout.ACTIONS), np.array([len(name) for name in ACTIONS], "<u2").tobytes()
    yield layout.USER_ACCOUNTS, rng.integers(0, accounts, users).astype("<u4").tobytes()
    series = np.repeat(np.arange(accounts), 2) << 32 | rng.integers(0, len(ACTIONS), 2 * accounts)
    yield layout.SERIES, tables.encode_pairs(series.astype(np.uint64))
    yield layout.FIRST_DAY, np.full(accounts, size.as_of - size.days, "<u4").tobytes()
    for day in range(size.as_of - size.days + 1, size.as_of + 1):
        yield layout.active(day), (_bits(rng, users) & _bits(rng, users) & _bits(rng, users)).tobytes()
        yield layout.minutes(day), rng.integers(0, 60, accounts).astype("<u4").tobytes()
    for day in range(size.as_of - size.count_days + 1, size.as_of + 1):
        yield layout.count(day), rng.integers(0, 9, 2 * accounts).astype("<u4").tobytes()


def accounts_strings(size: Size, partition: int) -> Iterator[tuple[str, bytes]]:
    """The records of one slot of accounts: one of each account, with a Status and licences."""
    accounts = size.accounts // size.partitions
    numbers = range(partition * accounts, (partition + 1) * accounts)
    entries = (
        AccountEntry(at, 0, f"account-{number:08d}", status=STATUSES[number % 4], licenses=10 + number % 40)
        for at, number in enumerate(numbers)
    )
    yield layout.RECORDS, tables.encode_entries(entries)


def _names(prefix: bytes, first: int, count: int) -> NDArray[np.uint8]:
    """Names of a prefix and eight digits, shape (count, bytes of one)."""
    digits = np.arange(first, first + count)[:, np.newaxis] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    return np.hstack((np.tile(np.frombuffer(prefix, np.uint8), (count, 1)), digits.astype(np.uint8)))


def _table(table: str, names: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
    yield table, names.tobytes()
    yield layout.name_lengths(table), np.full(len(names), names.shape[1], "<u2").tobytes()


def _bits(rng: np.random.Generator, users: int) -> NDArray[np.uint8]:
    bits = rng.integers(0, 256, -(-users // 8), np.uint8)
    if users % 8:
        bits[-1] &= (1 << users % 8) - 1
    return bits


class SlotWriter:
    """Writes a new slot, some MiB a checkpoint."""

    def __init__(self, store: SlotStore, slot: SlotName, header: Header) -> None:
        self._store, self._slot, self._header = store, slot, header
        self._stored: RedoRecord | None = None
        self._waiting: list[Write] = []
        self._lengths: dict[str, int] = {}

    def write(self, strings: Iterator[tuple[str, bytes]]) -> None:
        """Make these strings the slot's state; the last checkpoint is empty, so that Redis holds all in its place."""
        for string, data in strings:
            for at in range(0, len(data), CHECKPOINT_BYTES):
                self._waiting.append(Write(string, at, data[at : at + CHECKPOINT_BYTES]))
                self._lengths[string] = at + len(self._waiting[-1].data)
                if sum(len(write.data) for write in self._waiting) >= CHECKPOINT_BYTES:
                    self._checkpoint()
        self._checkpoint()
        self._checkpoint()

    def _checkpoint(self) -> None:
        stored, state_id = self._stored, secrets.token_bytes(layout.STATE_ID_BYTES)
        previous = stored.state_id if stored else b""
        header = msgspec.structs.replace(self._header, previous=previous, lengths=dict(self._lengths))
        record = encode_redo(state_id, header, self._waiting, stored.header if stored else None)
        assert self._store.checkpoint(self._slot, stored, record) is Answer.APPLIED
        self._stored, self._waiting = record, []
