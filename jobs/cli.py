"""`engagement-jobs`: scores a day or many, explains a score, and shows and exports what there is."""

import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Never

import typer

from jobs.backfill import run_backfill
from jobs.columns import flatten
from jobs.console import working
from jobs.daily import run_daily
from jobs.days import iso, parse_day
from jobs.explaining import explain_account
from jobs.history import print_runs, run_rows
from jobs.metrics_file import SUFFIX, reported
from jobs.narrate import print_explanation
from jobs.preview import preview_weights
from jobs.preview_report import print_preview
from jobs.publish import score_values
from jobs.report import print_report
from jobs.table_file import check_target, write_columns
from jobs.weights_file import read_weights
from schemas.exits import EngagementError, UsageError
from schemas.moments import Calendar
from schemas.settings import Settings, load_settings
from store.connect import kafka_admin, wait_for_kafka
from store.console import Output, run_app, show_version, write_json
from store.offsets import partitions
from store.runs import Published, published_runs

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

AsOfOption = Annotated[str | None, typer.Option(help="Last full day of the run, YYYY-MM-DD.", show_default=False)]
OutputOption = Annotated[Output, typer.Option(help="A table for people, or one JSON record a line.")]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="Preview these weights (TOML or JSON, action to 1..100), publish nothing.", show_default=False),
]


def main() -> None:
    """Entry point of the console script."""
    # As Ctrl-C: an open transaction is aborted on the way out.
    signal.signal(signal.SIGTERM, _interrupt)
    # One run makes millions of objects that live to its end, and no cycles among them worth looking for.
    gc.disable()
    run_app(app, "engagement-jobs")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Scores accounts once a day, and explains scores."""


@app.command()
def daily(
    as_of: AsOfOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the scores of any day, publish nothing.")] = False,
    weights: WeightsOption = None,
    output: OutputOption = Output.TABLE,
    metrics_file: Annotated[
        Path | None, typer.Option(help=f"Write what came of the run to this {SUFFIX} file.", show_default=False)
    ] = None,
) -> None:
    """Score a day, by default yesterday, and publish the run once all its input is counted."""
    if metrics_file is not None and (dry_run or weights is not None):
        raise UsageError("--metrics-file is for runs that publish; remove it, or --dry-run and --weights")
    with reported(metrics_file) as report:
        settings = load_settings(os.environ)
        today = _today(settings)
        day = today - 1 if as_of is None else parse_day(as_of)
        if weights is not None:
            _preview(settings, day, weights, output)
            return
        if day >= today and not dry_run:
            text = f"{iso(day)} is not over yet in {settings.timezone}; give an earlier day, or add --dry-run"
            raise UsageError(text)
        with _interruptible("interrupted; run again, what was committed is not published twice"):
            run = report.run = run_daily(settings, day, dry_run=dry_run, phases=report.phases)
    if output is Output.JSON:
        sys.stdout.writelines(value.decode() + "\n" for value in score_values(run.manifest, run.bodies))
    else:
        print_report(run, sys.stdout, dry_run=dry_run)


def _preview(settings: Settings, day: int, file: Path, output: Output) -> None:
    weights = read_weights(file)
    with _interruptible("interrupted"):
        preview = preview_weights(settings, day, weights)
    if output is Output.JSON:
        write_json(sys.stdout, preview.moves)
    else:
        print_preview(preview, sys.stdout)


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.", show_default=False)],
    last: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.", show_default=False)],
) -> None:
    """Publish a span of days in order, from the day after the newest published on; run again to go on."""
    settings = load_settings(os.environ)
    start, end = _day_of("--from", first), _day_of("--to", last)
    if end < start:
        raise UsageError(f"--to {last} is before --from {first}; swap them")
    if end >= _today(settings):
        raise UsageError(f"--to {last} is not over yet in {settings.timezone}; give an earlier day")
    with _interruptible("interrupted; run again to go on, what was committed is not published twice"):
        run_backfill(settings, start, end, lambda text: print(text, flush=True))  # noqa: T201  stdout may be redirected


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account_id.", show_default=False)],
    as_of: AsOfOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say in plain words how a score came about, by default that of the newest published day."""
    settings = load_settings(os.environ)
    day = None if as_of is None else parse_day(as_of)
    with _interruptible("interrupted"):
        explanation = explain_account(settings, account, day, _today(settings) - 1)
    if output is Output.JSON:
        write_json(sys.stdout, [explanation])
    else:
        print_explanation(explanation, sys.stdout)


@app.command()
def runs(output: OutputOption = Output.TABLE) -> None:
    """List what was published, oldest first, and how the configuration changed between runs."""
    settings = load_settings(os.environ)
    with _interruptible("interrupted"):
        rows = run_rows(_published(settings))
    if output is Output.JSON:
        write_json(sys.stdout, rows)
    else:
        print_runs(rows, sys.stdout)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to, by its ending .parquet or .csv.", show_default=False)],
    as_of: Annotated[str, typer.Option(help="Last full day of the figures, YYYY-MM-DD.", show_default=False)],
) -> None:
    """Write the figures of any day that is still kept to a Parquet or CSV file, publish nothing."""
    settings = load_settings(os.environ)
    day = parse_day(as_of)
    check_target(file)
    with _interruptible("interrupted; nothing was written"):
        run = run_daily(settings, day, dry_run=True)
        columns = write_columns(flatten(run.bodies, settings.run_config), file)
    sys.stdout.write(f"{as_of}: {len(run.bodies):,} accounts, {columns} columns written to {file}\n")


@contextmanager
def _interruptible(message: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise EngagementError(message) from None


def _day_of(option: str, text: str) -> int:
    """The day that an option gives. Raises UsageError that names this option."""
    try:
        return parse_day(text)
    except UsageError as error:
        raise UsageError(option + str(error).removeprefix("--as-of")) from None


def _published(settings: Settings) -> list[Published]:
    with working("reading the published runs"):
        admin = kafka_admin(settings)
        wait_for_kafka(admin, settings)
        partitions(admin, [settings.topics.runs])
        return published_runs(settings)


def _today(settings: Settings) -> int:
    return Calendar(settings.timezone).day(time.time_ns() // 1_000_000)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
