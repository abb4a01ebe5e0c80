"""What moved the score of one account since the day before, in plain words."""

from jobs.explanation import ChangePart, Explanation
from jobs.wording import line, signed
from schemas.scores import ScoreBody

_NAMES = {"own": "own days", "peers": "peers", "status": "Status", "configuration": "settings"}


def change_lines(one: Explanation, figures: ScoreBody) -> list[str]:
    """The whole change, and a line for each part of it that moved the score."""
    moved = [part for part in one.change if part.points]
    previous = figures.change.previous or 0
    difference = (figures.score or 0) - previous
    if not moved:
        return [line("change", "none: nothing moved the score")]
    from_nothing = " (no score counts as 0)" if figures.change.previous is None or figures.score is None else ""
    head = f"{signed(difference)} since the day before, from {previous} to {figures.score or 0}{from_nothing}"
    return [line("change", head), *map(_part, moved)]


def _part(part: ChangePart) -> str:
    return line("", f"{_NAMES[part.part]} {signed(part.points)}: {part.why}")
