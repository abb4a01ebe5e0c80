"""A preview of other weights for people: who moves up and down the most, and the totals."""

import heapq
from typing import TextIO

from jobs.preview import Move, Preview
from jobs.wording import count, signed
from store.console import write_table

TOP = 10
"""Accounts shown of each direction."""


def print_preview(preview: Preview, out: TextIO) -> None:
    """Print the movers and the totals to `out`."""
    up = [move for move in preview.moves if move.change > 0]
    down = [move for move in preview.moves if move.change < 0]
    for title, moves in (("up", up), ("down", down)):
        if moves:
            out.write(f"{title}: {count(len(moves), 'account')}{_shown(len(moves))}\n")
            write_table(out, ("account", "before", "after", "change"), map(_row, top(moves)))
            out.write("\n")
    out.writelines(text + "\n" for text in totals(preview, len(up), len(down)))


def top(moves: list[Move]) -> list[Move]:
    """The TOP accounts that move the farthest, the farthest first."""
    return heapq.nsmallest(TOP, moves, lambda move: (-abs(move.change), move.account_id))


def totals(preview: Preview, up: int, down: int) -> list[str]:
    """How many move, the sums under both versions, and actions that are perhaps misspelt."""
    moves, versions = preview.moves, preview.versions
    then, now = sum(move.before for move in moves), sum(move.after for move in moves)
    before = "no weights configured" if versions.before is None else f"weights {versions.before}"
    moved = f"{up:,} up, {down:,} down, {len(moves) - up - down:,} unchanged"
    return [
        f"{preview.as_of}: {count(len(moves), 'account')}, {moved}; nothing published",
        f"sum of weighted scores: {then:,} ({before}) -> {now:,} (weights {versions.after}), {signed(now - then)}",
        *([f"never counted, check the spelling: {', '.join(preview.unknown)}"] if preview.unknown else []),
    ]


def _shown(moves: int) -> str:
    return f", the first {TOP} of them" if moves > TOP else ""


def _row(move: Move) -> tuple[str, int, int, str]:
    return move.account_id, move.before, move.after, signed(move.change)
