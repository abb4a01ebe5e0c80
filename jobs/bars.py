"""A row of figures as one short line of bars."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
DIGITS = "123456789"
"""Where the output cannot hold blocks: 9 is the most."""

NOTHING = "."


def bar_line(figures: Sequence[int], *, blocks: bool) -> str:
    """One character a figure: its share of the greatest one, or a dot for 0; figures are not negative."""
    levels = BLOCKS if blocks else DIGITS
    most = max(figures, default=0)
    return "".join(levels[_level(figure, most, len(levels))] if figure else NOTHING for figure in figures)


def _level(figure: int, most: int, levels: int) -> int:
    """0 to levels - 1, rounded up, so that the greatest figure alone fills the highest step."""
    return -(-figure * levels // most) - 1


def can_show(text: str, encoding: str | None) -> bool:
    """Whether an output of this encoding can hold the text."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
