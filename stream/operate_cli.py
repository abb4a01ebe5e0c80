"""The commands by which people look into the system and put single records right: `rejects list|retry`, `inspect`."""

import datetime as dt
import os
import sys
import time
import zoneinfo
from collections import Counter
from contextlib import closing
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient

from schemas.exits import UsageError
from schemas.rejects import Reason
from schemas.settings import Settings, load_settings
from store.connect import connect_redis, kafka_admin, wait_for_kafka, wait_for_redis
from store.console import Output, write_json, write_table
from store.layout import SlotName
from store.offsets import LogBounds, high_watermarks, log_bounds, partitions
from store.patience import ask_patiently
from store.slots import SlotStore
from stream.check import Topic, open_lines
from stream.fixes import read_fixes
from stream.inspect_report import inspection, print_inspection
from stream.inspect_slots import account_in_slot, account_records, missing
from stream.rejects_report import HEADING, SUMMARY_HEADING, Wanted, look_at, reason_cells, row_cells
from stream.rejects_topic import Place, read_rejects
from stream.rejudge import judged, passing
from stream.retry import Choice, Fixed, Resender, select, survey
from stream.retry_report import VERDICTS, say, verdict_cells

DEFAULT_ROWS = 100
DEFAULT_DAYS = 14

OutputOption = Annotated[Output, typer.Option(help="A table for people, or one JSON record a line.")]
ReasonOption = Annotated[Reason | None, typer.Option(help="Only those that were refused for it.")]

rejects = typer.Typer(help="Look at refused records, and send them again.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(rejects, name="rejects")
    app.command()(inspect)


@rejects.command("list")
def list_rejects(
    *,
    reason: ReasonOption = None,
    topic: Annotated[Topic | None, typer.Option(help="Only those of one input topic.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Only those refused since, such as 2026-11-24T08:00.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="The most rows, of the newest rejects.")] = DEFAULT_ROWS,
    output: OutputOption = Output.TABLE,
) -> None:
    """List refused records, each once, and how many there are by reason. The JSON records are what `retry` takes."""
    settings, admin = _opened()
    moment = None if since is None else _ms(since, settings)
    wanted = Wanted(reason, None if topic is None else topic.within(settings))
    found = look_at(read_rejects(settings, _bounds(admin, settings), moment), wanted, limit)
    there_are = sum(one.records for one in found.reasons)
    if len(found.rows) < there_are:
        sys.stderr.write(f"The newest {len(found.rows):,} of {there_are:,}; more with --limit.\n")
    if output is Output.JSON:
        write_json(sys.stdout, found.rows)
        return
    if found.rows:
        write_table(sys.stdout, HEADING, map(row_cells, found.rows))
        sys.stdout.write("\n")
    write_table(sys.stdout, SUMMARY_HEADING, map(reason_cells, found.reasons))


@rejects.command("retry")
def retry_rejects(  # noqa: PLR0913  one for each option
    *,
    reason: ReasonOption = None,
    topic: Annotated[Topic | None, typer.Option(help="Only those of one; with --offset: actions by default.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Of the one record that --offset names.")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Where that record is in its input topic.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    file: Annotated[
        str | None, typer.Option(help="JSON lines with topic, partition, offset and the value to send instead.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what was sent again before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say of each what would become of it.")] = False,
) -> None:
    """Send refused records to their input topic again, as they were or fixed; each only once.

    Those that would be refused again are not sent; exit 1 if there are any.
    """
    settings, admin = _opened()
    if (partition is None) != (offset is None):
        raise UsageError("--partition and --offset name one record together; give both")
    if sum((everything, reason is not None, offset is not None, file is not None)) != 1:
        raise UsageError("choose what to send again: one of --reason, --all, --file, or --partition with --offset")
    place = None
    if partition is not None and offset is not None:
        place = Place((topic or Topic.ACTIONS).within(settings), partition, offset)
    of_topic = None if topic is None else topic.within(settings)
    choice = Choice(Wanted(reason, of_topic, place), _fixes(settings, file), force)
    if dry_run:
        _say_what_would_be_sent(admin, settings, choice)
    else:
        _send(admin, settings, choice)


def inspect(
    *,
    account: Annotated[str, typer.Argument(help="Its account_id, exactly.")],
    days: Annotated[
        int, typer.Option(min=1, max=40_000, help="How many, up to the newest one of each slot.")
    ] = DEFAULT_DAYS,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the raw counters and records of an account as they are in Redis; exit 1 if there are none."""
    settings, admin = _opened()
    with closing(connect_redis(settings)) as client:
        wait_for_redis(client, settings)
        store = SlotStore(client)
        slots = _slots(admin, settings)
        actions, accounts = ([one for one in slots if one.topic == name] for name in _inputs(settings))
        looked = [account_in_slot(store, slot, account, days) for slot in actions]
        figures = [one for one in looked if one is not None]
        records = [record for slot in accounts for record in account_records(store, slot, account)]
    if not figures and not records:
        raise missing(account)
    found = inspection(account, figures, records, int(time.time() * 1000))
    if output is Output.JSON:
        write_json(sys.stdout, [found])
    else:
        print_inspection(found, sys.stdout)


def _opened() -> tuple[Settings, AdminClient]:
    """What the environment names, once Kafka answers."""
    settings = load_settings(os.environ)
    admin = kafka_admin(settings)
    wait_for_kafka(admin, settings)
    return settings, admin


def _inputs(settings: Settings) -> tuple[str, str]:
    return settings.topics.actions, settings.topics.accounts


def _slots(admin: AdminClient, settings: Settings) -> list[SlotName]:
    counts = ask_patiently(lambda: partitions(admin, _inputs(settings)))
    return [SlotName(topic, number) for topic, count in counts.items() for number in range(count)]


def _bounds(admin: AdminClient, settings: Settings) -> dict[SlotName, LogBounds]:
    return ask_patiently(lambda: log_bounds(admin, [settings.topics.rejects]))


def _whole_bounds(admin: AdminClient, settings: Settings) -> dict[SlotName, LogBounds]:
    """Also up to where a transaction is open still: what another retry marks there must not be missed."""
    bounds = _bounds(admin, settings)
    ends = ask_patiently(lambda: high_watermarks(admin, bounds))
    return {slot: LogBounds(log.start, ends[slot]) for slot, log in bounds.items()}


def _ms(text: str, settings: Settings) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--since is {text!r}; give a moment such as 2026-11-24T08:00 or 2026-11-24T08:00:00Z"
        raise UsageError(message) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(settings.timezone))
    return int(moment.timestamp() * 1000)


def _fixes(settings: Settings, file: str | None) -> dict[Place, Fixed] | None:
    if file is None:
        return None
    with open_lines(file) as lines:
        return read_fixes(lines, settings)


def _send(admin: AdminClient, settings: Settings, choice: Choice) -> None:
    sender = Resender(settings)  # first: from here on nobody else adds marks
    bounds = _whole_bounds(admin, settings)
    found = survey(read_rejects(settings, bounds), choice)
    refused: Counter[Reason] = Counter()
    chosen = select(read_rejects(settings, bounds), choice, found)
    sent = sender.send(passing(judged(chosen, settings), refused))
    say(sys.stdout, "sent again", sent, choice.skipped(found), refused)


def _say_what_would_be_sent(admin: AdminClient, settings: Settings, choice: Choice) -> None:
    bounds = _whole_bounds(admin, settings)
    found = survey(read_rejects(settings, bounds), choice)
    rows = []
    refused: Counter[Reason] = Counter()
    for one, why in judged(select(read_rejects(settings, bounds), choice, found), settings):
        rows.append(verdict_cells((one, why)))
        refused.update([] if why is None else [why.reason])
    if rows:
        write_table(sys.stdout, VERDICTS, rows)
    say(sys.stdout, "would be sent again", len(rows) - refused.total(), choice.skipped(found), refused)
