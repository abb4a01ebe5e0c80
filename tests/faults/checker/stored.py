"""What the strings of a slot say, in names instead of dense ids. What does not fit together raises ``Broken``."""

from collections.abc import Iterable, Mapping
from itertools import accumulate, compress, pairwise
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tests.faults.checker.fold import Entry, Figures, Pair, Totals
from tests.faults.checker.redo import Header, dated
from tests.faults.checker.slots import State

PROFILE = np.dtype(
    {"names": ["id", "timestamp", "offset"], "formats": ["<u4", "<i8", "<i8"], "offsets": [0, 8, 16], "itemsize": 24}
)
Item = TypeVar("Item")


class Broken(Exception):  # noqa: N818  a finding, not a failure
    """Strings that contradict each other."""


def totals(header: Header) -> Totals:
    """What a header says beside offsets."""
    return Totals(
        header.counted,
        header.rejected,
        header.late,
        header.newest_day,
        header.closed_through,
        header.pruned_before,
    )


class Names:
    """Tables of one slot, which only grow: what was decoded before is decoded no more while its bytes are the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, bytes, list[str]]] = {}

    def table(self, strings: Mapping[str, bytes], name: str) -> list[str]:
        """The names of a table by dense id."""
        text, lengths = strings.get(name, b""), strings.get(f"{name}-lengths", b"")
        known_text, known_lengths, names = self._known.get(name, (b"", b"", []))
        if not (text.startswith(known_text) and lengths.startswith(known_lengths)):
            known_text, known_lengths, names = b"", b"", []
        if len(lengths) > len(known_lengths):
            fresh = np.frombuffer(lengths, "<u2", offset=len(known_lengths)).tolist()
            ends = list(accumulate(fresh, initial=len(known_text)))
            if ends[-1] != len(text):
                raise Broken(f"{name} has {len(text)} bytes, its lengths sum up to {ends[-1]}")
            names = names + [text[start:end].decode() for start, end in pairwise(ends)]
            self._known[name] = (text, lengths, names)
        elif len(text) != len(known_text):
            raise Broken(f"{name} has more bytes than its lengths")
        return names


class Reader:
    """Makes figures of one slot's states."""

    def __init__(self) -> None:
        self._names = Names()

    def figures(self, state: State) -> Figures:
        """All cells. Raises ``Broken``."""
        try:
            return self._figures(state)
        except (IndexError, ValueError) as error:
            raise Broken(f"strings do not fit together: {error}") from error

    def _figures(self, state: State) -> Figures:
        strings, days, table = state.strings, state.header.days, self._names.table
        accounts, actions, names = (table(strings, name) for name in ("accounts", "actions", "users"))
        owners = _u32(strings, "user-accounts").tolist()
        users = list(zip(_at(accounts, owners), names, strict=True))
        series = _pairs(accounts, actions, strings, "series")
        for what, items in (("accounts", accounts), ("actions", actions), ("users", users), ("series", series)):
            if len(set(items)) < len(items):
                raise Broken(f"{what} has an entry twice")
        user_series = _pairs(users, actions, strings, "user-series")
        return Figures(
            counts=_by_day(series, strings, "count", days),
            user_counts=_by_day(user_series, strings, "user-count", days),
            active=_active(users, strings, days.get("active", ())),
            open_minutes=_open_minutes(users, strings, days.get("minute-log", ())),
            closed_minutes=_by_day(accounts, strings, "minutes", days),
            first_day=_cells(accounts, strings, "first-day"),
            profiles=_profiles(users, table(strings, "profiles"), strings),
        )


def _u32(strings: Mapping[str, bytes], name: str) -> NDArray[np.uint32]:
    return np.frombuffer(strings.get(name, b""), "<u4")


def _at(items: list[Item], ids: list[int]) -> list[Item]:
    return [items[one] for one in ids]


def _pairs(firsts: list[Item], seconds: list[str], strings: Mapping[str, bytes], name: str) -> list[tuple[Item, str]]:
    ids = _u32(strings, name).reshape(-1, 2)
    return list(zip(_at(firsts, ids[:, 0].tolist()), _at(seconds, ids[:, 1].tolist()), strict=True))


def _cells(items: list[Item], strings: Mapping[str, bytes], name: str) -> dict[Item, int]:
    """The cells of a vector that are not 0."""
    held = _u32(strings, name)
    if len(held) > len(items) and held[len(items) :].any():
        raise Broken(f"{name} has more cells than its table")
    cells = held.tolist()
    return {item: cell for item, cell in zip(items, cells, strict=False) if cell}


def _by_day(
    items: list[Item], strings: Mapping[str, bytes], kind: str, days: Mapping[str, list[int]]
) -> dict[int, dict[Item, int]]:
    found = {day: _cells(items, strings, dated(kind, day)) for day in days.get(kind, ())}
    return {day: cells for day, cells in found.items() if cells}


def _active(users: list[Pair], strings: Mapping[str, bytes], days: Iterable[int]) -> dict[int, set[Pair]]:
    found: dict[int, set[Pair]] = {}
    for day in days:
        bits = np.unpackbits(np.frombuffer(strings[dated("active", day)], np.uint8), bitorder="little")
        if bits[len(users) :].any():
            raise Broken(f"{dated('active', day)} has more users than there are")
        if bits.any():
            found[day] = set(compress(users, bits.tolist()))
    return found


def _open_minutes(
    users: list[Pair], strings: Mapping[str, bytes], days: Iterable[int]
) -> dict[int, set[tuple[Pair, int]]]:
    logs = {day: _u32(strings, dated("minute-log", day)).reshape(-1, 2) for day in days}
    return {
        day: set(zip(_at(users, log[:, 0].tolist()), log[:, 1].tolist(), strict=True))
        for day, log in logs.items()
        if len(log)
    }


def _profiles(users: list[Pair], profiles: list[str], strings: Mapping[str, bytes]) -> dict[Pair, tuple[int, int, str]]:
    cells = np.frombuffer(strings.get("profile", b""), PROFILE)
    said = np.flatnonzero(cells["id"]).tolist()
    names = _at(profiles, (cells["id"][said].astype(np.int64) - 1).tolist())
    moments = zip(cells["timestamp"][said].tolist(), cells["offset"][said].tolist(), names, strict=True)
    return dict(zip(_at(users, said), moments, strict=True))


class Entries:
    """The log of one slot of accounts, which only grows."""

    def __init__(self) -> None:
        self._known = b""
        self._entries: list[Entry] = []

    def read(self, state: State) -> list[Entry]:
        """All entries. Raises ``Broken``."""
        data = state.strings.get("records", b"")
        if not data.startswith(self._known):
            self._known, self._entries = b"", []
        at, fresh = len(self._known), []
        try:
            while at < len(data):
                start = at + 4
                at = start + int.from_bytes(data[at:start], "little")
                fresh.append(_entry(msgspec.msgpack.decode(data[start:at])))
        except (msgspec.DecodeError, TypeError) as error:
            raise Broken(f"records is no log of entries: {error}") from error
        self._known, self._entries = data, self._entries + fresh
        return self._entries


def _entry(parts: list[Any]) -> Entry:
    offset, timestamp, account, forgotten, effective_at, status, licenses, created_day = parts
    return offset, timestamp, account, forgotten, effective_at, status, licenses, created_day
