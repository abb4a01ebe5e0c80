"""The table that a daily run shows: per Status the top accounts, then what became of the run."""

import heapq
from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.daily import Run
from schemas.scores import ScoreBody

TOP = 5
"""Accounts shown of each Status."""

_WIDTH = 100
"""Columns where the output is not a terminal."""

_NAME_WIDTH = 24
"""Columns for the account at least, so that the tables of short names line up; longer names make room or fold."""


def print_report(run: Run, out: TextIO, *, dry_run: bool) -> None:
    """Print the tables and the summary of a run to `out`."""
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        console = Console(file=out, highlight=False, width=_WIDTH)
    for status, bodies in top_by_status(run.bodies):
        console.print(_title(status, bodies[0]))
        console.print(_table(bodies))
        console.print()
    console.print(summary(run, dry_run=dry_run), soft_wrap=True)


def top_by_status(bodies: Sequence[ScoreBody]) -> list[tuple[str | None, list[ScoreBody]]]:
    """The TOP most active accounts of each Status, best first; the Statuses by name, no Status last."""
    groups: dict[str | None, list[ScoreBody]] = {}
    for body in bodies:
        groups.setdefault(body.status, []).append(body)
    order = sorted(groups, key=lambda status: (status is None, status or ""))
    return [(status, heapq.nsmallest(TOP, groups[status], _most_active_first)) for status in order]


def _most_active_first(body: ScoreBody) -> tuple[bool, int, float, str]:
    return (body.rank is None, body.rank or 0, -body.average_daily_actions, body.account_id)


def summary(run: Run, *, dry_run: bool) -> str:
    """One or two lines: the run, its size, and whether it was published."""
    manifest = run.manifest
    ranked = sum(cohort.ranked for cohort in manifest.cohorts.values())
    size = f"{manifest.as_of}: {manifest.accounts:,} accounts, {ranked:,} ranked in {len(manifest.cohorts)} cohorts"
    name = f"run {manifest.run_id}, revision {manifest.revision}"
    if run.repeated:
        return f"{size}\nnothing published: the newest run says the same ({name})"
    return f"{size}\nnothing published: dry run" if dry_run else f"{size}\npublished as {name}"


def _title(status: str | None, first: ScoreBody) -> str:
    name = "no Status" if status is None else f"Status {status}"
    return f"[bold]{escape(name)}[/bold]: {first.accounts_in_status:,} accounts, {first.cohort_size:,} ranked"


def _table(bodies: Sequence[ScoreBody]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("account", overflow="fold", min_width=_NAME_WIDTH)
    for column in ("score", "rank", "average", "actions", "days", "active"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("frequency", no_wrap=True)
    for body in bodies:
        table.add_row(*_cells(body))
    return table


def _cells(body: ScoreBody) -> tuple[str, ...]:
    return (
        escape(body.account_id),
        "-" if body.score is None else str(body.score),
        "-" if body.rank is None else str(body.rank),
        f"{body.average_daily_actions:.2f}",
        f"{body.actions:,}",
        str(body.days_considered),
        str(body.active_days),
        body.usage_frequency,
    )
