"""How lines of words for people are laid out."""

_LABEL = 12


def line(label: str, text: str) -> str:
    """A line with a label in front."""
    return f"{label:<{_LABEL}}{text}"


def number(value: float) -> str:
    """A figure as short as it can be, with at most four decimals."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def signed(points: int) -> str:
    """A difference with its sign, 0 without."""
    return f"{points:+}" if points else "0"


def count(amount: int, noun: str) -> str:
    """An amount with its noun, which takes an s but for 1."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
