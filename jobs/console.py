"""What a job shows while it works: one moving line on stderr where that is a terminal, else nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show `what` until the block ends; the yielded function changes the line."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(what) as status:
        yield status.update
