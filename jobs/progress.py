"""A bar of days done, on stderr where that is a terminal, else nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.days import iso


@contextmanager
def day_bar(days: range) -> Iterator[Callable[[int], None]]:
    """Show a bar until the block ends; the yielded function says which of `days` is worked on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed meanwhile goes above the bar where both are on the terminal; a file or pipe gets it as it is.
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty(), redirect_stderr=False) as bar:
        task = bar.add_task("", total=len(days))
        yield lambda day: bar.update(task, completed=days.index(day), description=f"publishing {iso(day)}")
        bar.update(task, completed=len(days))
