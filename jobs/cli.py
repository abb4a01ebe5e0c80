"""`engagement-jobs`: scores a day, and explains a score."""

import gc
import os
import signal
import sys
import time
from typing import Annotated, Never

import typer

from jobs.daily import run_daily
from jobs.days import iso, parse_day
from jobs.explaining import explain_account
from jobs.narrate import print_explanation
from jobs.publish import score_values
from jobs.report import print_report
from schemas.exits import EngagementError, UsageError
from schemas.moments import Calendar
from schemas.settings import Settings, load_settings
from store.console import Output, run_app, write_json

app = typer.Typer(
    help="Scores accounts once a day, and explains scores.", add_completion=False, pretty_exceptions_enable=False
)

AsOfOption = Annotated[str | None, typer.Option(help="Last full day of the run, YYYY-MM-DD.", show_default=False)]
OutputOption = Annotated[Output, typer.Option(help="A table for people, or one JSON record a line.")]


def main() -> None:
    """Entry point of the console script."""
    # As Ctrl-C: an open transaction is aborted on the way out.
    signal.signal(signal.SIGTERM, _interrupt)
    # One run makes millions of objects that live to its end, and no cycles among them worth looking for.
    gc.disable()
    run_app(app, "engagement-jobs")


@app.command()
def daily(
    as_of: AsOfOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the scores of any day, publish nothing.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Score a day, by default yesterday, and publish the run once all its input is counted."""
    settings = load_settings(os.environ)
    today = _today(settings)
    day = today - 1 if as_of is None else parse_day(as_of)
    if day >= today and not dry_run:
        raise UsageError(f"{iso(day)} is not over yet in {settings.timezone}; give an earlier day, or add --dry-run")
    try:
        run = run_daily(settings, day, dry_run=dry_run)
    except KeyboardInterrupt:
        raise EngagementError("interrupted; run again, what was committed is not published twice") from None
    if output is Output.JSON:
        sys.stdout.writelines(value.decode() + "\n" for value in score_values(run.manifest, run.bodies))
    else:
        print_report(run, sys.stdout, dry_run=dry_run)


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account_id.", show_default=False)],
    as_of: AsOfOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say in plain words how a score came about, by default that of the newest published day."""
    settings = load_settings(os.environ)
    day = None if as_of is None else parse_day(as_of)
    try:
        explanation = explain_account(settings, account, day, _today(settings) - 1)
    except KeyboardInterrupt:
        raise EngagementError("interrupted") from None
    if output is Output.JSON:
        write_json(sys.stdout, [explanation])
    else:
        print_explanation(explanation, sys.stdout)


def _today(settings: Settings) -> int:
    return Calendar(settings.timezone).day(time.time_ns() // 1_000_000)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
