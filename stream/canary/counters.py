"""The canary's counters in Redis: found once in the tables of a slot, then read from their place."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
import redis

from store import obstacles, tables, vectors
from store.layout import ACCOUNTS, ACTIONS, BEING_EMPTIED, LAYOUT_VERSION, SERIES, Header, SlotName, count, name_lengths
from store.slot_headers import slot_headers
from store.slot_parts import Part, read_parts
from store.slots import SlotStore
from stream.canary.ledger import Reading
from stream.inspect_slots import checked_snapshot, find_account

_TABLES = (ACCOUNTS, name_lengths(ACCOUNTS), ACTIONS, name_lengths(ACTIONS), SERIES)
_CELL_BYTES = 4
_PAIR_BYTES = 8


class _Place(msgspec.Struct, frozen=True):
    """Where a slot counts the canary's action, and what it must hold there for that to be so."""

    series: int
    proofs: tuple[Part, ...]
    held: tuple[bytes, ...]


class Counters:
    """Of one account and action in all slots of one Redis. All methods raise Unavailable and Denied."""

    def __init__(self, client: redis.Redis, account: str, action: str, timezone: str) -> None:
        self._client = client
        self._store = SlotStore(client)
        self._account = account
        self._action = action
        self._timezone = timezone
        self._places: dict[SlotName, _Place] = {}

    def offsets(self, slots: Sequence[SlotName]) -> dict[SlotName, int]:
        """The stored offset of each slot that can be read."""
        found = slot_headers(self._client, slots)
        return {slot: one.next_offset for slot, one in found.items() if isinstance(one, Header)}

    def read(self, slot: SlotName, days: Collection[int]) -> Reading | None:
        """The counts of these days, as of one moment; None where there is no slot, or it is being emptied.

        Raises Blocked where the slot is of another version or time zone.
        """
        place = self._places.get(slot)
        return (self._at(place, slot, days) if place else None) or self._search(slot, days)

    def _at(self, place: _Place, slot: SlotName, days: Collection[int]) -> Reading | None:
        """None where the slot has something else in that place, as after a rebuild."""
        cells = [Part(count(day), _CELL_BYTES * place.series, _CELL_BYTES) for day in days]
        found = read_parts(self._client, self._store, slot, [*place.proofs, *cells])
        proofs = len(place.proofs)
        if found is None or found.header.layout != LAYOUT_VERSION or found.data[:proofs] != place.held:
            return None
        counts = (int.from_bytes(data, "little") for data in found.data[proofs:])
        return Reading(found.header.next_offset, found.header.gaps, dict(zip(days, counts, strict=True)))

    def _search(self, slot: SlotName, days: Collection[int]) -> Reading | None:
        strings = [*_TABLES, *(count(day) for day in days)]
        found = checked_snapshot(self._store, slot, lambda _: strings)
        if found is None or found.header.layout == BEING_EMPTIED:
            return None
        self._check_days(slot, found.header)
        place = _find(found.strings, self._account, self._action)
        if place is None:
            self._places.pop(slot, None)
            return Reading(found.header.next_offset, found.header.gaps, dict.fromkeys(days, 0))
        self._places[slot] = place
        cells = {day: vectors.cells(found.strings[count(day)], place.series + 1)[place.series] for day in days}
        return Reading(found.header.next_offset, found.header.gaps, {day: int(cell) for day, cell in cells.items()})

    def _check_days(self, slot: SlotName, header: Header) -> None:
        other = obstacles.of_timezone(slot, header, self._timezone)
        if other is not None:
            raise other.blocked()


def _find(strings: Mapping[str, bytearray], account: str, action: str) -> _Place | None:
    """The place of the pair in a slot's tables, None where it was never counted."""
    ids: list[int] = []
    proofs: list[Part] = []
    for table, name in ((ACCOUNTS, account), (ACTIONS, action)):
        lengths = strings[name_lengths(table)]
        dense = find_account(strings[table], lengths, name)
        if dense is None:
            return None
        ids.append(dense)
        start = int(np.frombuffer(lengths, "<u2")[:dense].sum(dtype=np.int64))
        proofs.append(Part(table, start, len(name.encode())))
    series = np.flatnonzero((tables.pairs(strings[SERIES]) == ids).all(axis=1))
    if not len(series):
        return None
    proofs.append(Part(SERIES, _PAIR_BYTES * int(series[0]), _PAIR_BYTES))
    held = (bytes(strings[one.string][one.start : one.start + one.size]) for one in proofs)
    return _Place(int(series[0]), tuple(proofs), tuple(held))
