"""Compares what a slot holds with what the fold says, cell by cell."""

from collections.abc import Collection
from dataclasses import fields

from tests.faults.checker.fold import AccountFold, Figures, Fold, Totals
from tests.faults.checker.slots import State
from tests.faults.checker.stored import Broken, Entries, Reader, totals

SHOWN = 3


class Comparing:
    """Of one slot."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._entries = Entries()

    def differences(self, state: State, fold: Fold) -> tuple[int, list[str]]:
        """How many cells were compared, and what differs."""
        wrong = _totals(totals(state.header), fold.totals)
        try:
            if isinstance(fold, AccountFold):
                return len(fold.entries), wrong + _entries(self._entries.read(state), fold.entries)
            cells, differ = _figures(self._reader.figures(state), fold.figures)
            return cells, wrong + differ
        except Broken as broken:
            return 1, [*wrong, str(broken)]


def _totals(found: Totals, expected: Totals) -> list[str]:
    return [
        f"{one.name} is {getattr(found, one.name)}, not {getattr(expected, one.name)}"
        for one in fields(Totals)
        if getattr(found, one.name) != getattr(expected, one.name)
    ]


def _entries(found: list, expected: list) -> list[str]:  # type: ignore[type-arg]
    if found == expected:
        return []
    pairs = enumerate(zip(found, expected, strict=False))
    wrong = [f"entry {place} is {one}, not {other}" for place, (one, other) in pairs if one != other]
    return [f"{len(found)} entries, not {len(expected)}", *wrong[:SHOWN]]


def _figures(found: Figures, expected: Figures) -> tuple[int, list[str]]:
    cells, wrong = 0, []
    for one in fields(Figures):
        held, due = getattr(found, one.name), getattr(expected, one.name)
        cells += sum(
            len(part) if isinstance(part, Collection) and not isinstance(part, (str, tuple)) else 1
            for part in due.values()
        )
        if held != due:
            wrong.append(f"{one.name}: {_difference(held, due)}")
    return cells, wrong


def _difference(held: object, due: object) -> str:
    """The first of what differs, down to single cells."""
    if isinstance(held, dict) and isinstance(due, dict):
        keys = [key for key in {**held, **due} if held.get(key) != due.get(key)]
        shown = [f"{key}: {_difference(held.get(key), due.get(key))}" for key in keys[:SHOWN]]
        return f"{len(keys)} differ, {'; '.join(shown)}"
    if isinstance(held, set) and isinstance(due, set):
        return f"too many {list(held - due)[:SHOWN]}, missing {list(due - held)[:SHOWN]}"
    return f"{held} instead of {due}"
