"""`engagement-stream`: runs the stream, and everything an operator does about it."""

import functools
import os
import secrets
import sys
from enum import StrEnum
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError, Exit, UsageError
from schemas.settings import Settings, load_settings
from store.connect import connect_redis, kafka_admin, wait_for_kafka, wait_for_redis
from store.console import Output, run_app, show_version, write_json, write_table
from store.layout import STATE_ID_BYTES, Header, SlotName
from store.logs import configure_logs
from store.offsets import log_bounds, owners, topic_ids
from store.patience import ask_patiently
from store.slots import SlotStore
from stream.canary_cli import register as register_canary
from stream.check import Topic, check_lines, open_lines
from stream.observe_cli import register
from stream.operate_cli import register as register_operating
from stream.probe import truncated
from stream.rebuild import Outcome, Partition, accept_gap, readable, rebuild, refusal
from stream.run import run_as_child, run_one, run_several
from stream.serving import parse_address
from stream.stop import stop_on_signals
from stream.topic_plan import DEFAULT_PARTITIONS, DEFAULT_RETENTION_DAYS, Wishes
from stream.topics import TopicReport, report_topics

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
register(app)
register_operating(app)
register_canary(app)

OWNERS_SECONDS = 9.0
"""How long one question for the group's members may take, of which there are several within the patience of 30 s."""
OutputOption = Annotated[Output, typer.Option(help="A table for people, or one JSON record a line.")]
TopicOption = Annotated[Topic, typer.Option(help="Which of the two input topics.")]


class LogForm(StrEnum):
    """How log lines look; auto: for people where stderr is a terminal, else JSON."""

    JSON = "json"
    CONSOLE = "console"
    AUTO = "auto"


def main() -> None:
    """Entry point of the console script."""
    run_app(app, "engagement-stream")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Count events from Kafka into Redis, exactly once."""


@app.command()
def run(
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes on this machine.")] = 1,
    log_format: Annotated[LogForm, typer.Option(help="Log lines on stderr.")] = LogForm.AUTO,
    metrics_address: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve /metrics, /livez and /readyz there, for all workers. [default host: 127.0.0.1]",
        ),
    ] = None,
    stop_with_stdin: Annotated[bool, typer.Option("--stop-with-stdin", hidden=True)] = False,
    report: Annotated[bool, typer.Option("--report", hidden=True)] = False,
) -> None:
    """Count events until SIGTERM or SIGINT, then store what is counted and stop."""
    settings = load_settings(os.environ)
    configure_logs(log_format.value)
    stop = stop_on_signals()
    if stop_with_stdin:
        raise typer.Exit(run_as_child(settings, stop, report=report))
    address = None if metrics_address is None else parse_address(metrics_address)
    if workers == 1:
        raise typer.Exit(run_one(settings, stop, address))
    raise typer.Exit(run_several(settings, stop, address, workers, ["--log-format", log_format.value]))


@app.command()
def topics(
    create: Annotated[bool, typer.Option("--create", help="Make the topics that are missing.")] = False,
    partitions: Annotated[
        int | None, typer.Option(min=1, help=f"Of each topic but the runs. [default: {DEFAULT_PARTITIONS}]")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, help="Copies of each partition. [default: 3, or the brokers there are]")
    ] = None,
    retention_days: Annotated[
        int, typer.Option(min=1, help="How long actions stay in the log; a slot can be counted again only from there.")
    ] = DEFAULT_RETENTION_DAYS,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which topics exist and where they differ from what fits; existing ones are left as they are."""
    settings = load_settings(os.environ)
    asked = {"partitions": partitions, "replication": replication}
    wishes = Wishes(partitions or DEFAULT_PARTITIONS, replication, retention_days)
    given = frozenset(name for name, value in asked.items() if value is not None)
    found = report_topics(_kafka(settings), settings, wishes, asked=given, create=create)
    if output is Output.JSON:
        write_json(sys.stdout, found)
    else:
        write_table(sys.stdout, ("topic", "state", "partitions", "replication", "differs"), map(_topic_cells, found))


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="One JSON event a line; - for stdin.")],
    topic: TopicOption = Topic.ACTIONS,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say of each line whether it would be counted, or why not; exit 1 if any would not."""
    settings = load_settings(os.environ)
    refused = False
    with open_lines(file) as lines:
        for verdict in check_lines(lines, topic, settings):
            refused |= not verdict.accepted
            if output is Output.JSON:
                write_json(sys.stdout, [verdict])
            else:
                said = "accepted" if verdict.accepted else f"{verdict.reason}: {verdict.detail}"
                sys.stdout.write(f"{verdict.line}: {said}\n")
    raise typer.Exit(Exit.FAILED if refused else Exit.DONE)


@app.command("rebuild")
def rebuild_command(
    topic: TopicOption = Topic.ACTIONS,
    partition: Annotated[int | None, typer.Option(min=0, help="One partition; without it, all of the topic.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even where it is owned, or where figures get lost.")] = False,
) -> None:
    """Empty slots, so that the stream counts them again from the start of the log."""
    settings = load_settings(os.environ)
    admin, client = _kafka(settings), connect_redis(settings)
    wait_for_redis(client, settings)
    store = SlotStore(client)
    wanted = _partitions(admin, settings, topic, partition)
    for one in wanted:
        stored = readable(store, one.slot)
        reason = refusal(one, stored.header if stored else None)
        if reason is not None and not force:
            raise EngagementError(reason)
    for one in wanted:
        _say(rebuild(client, one, settings.timezone, _new_id), "is counted again")


@app.command("accept-gap")
def accept_gap_command(
    partition: Annotated[int, typer.Option(min=0, help="The partition that stopped.")],
    topic: TopicOption = Topic.ACTIONS,
) -> None:
    """Keep a slot's figures and go on past records that its log no longer has; the gap is noted in the slot."""
    settings = load_settings(os.environ)
    admin, client = _kafka(settings), connect_redis(settings)
    wait_for_redis(client, settings)

    def replaced(slot: SlotName, header: Header) -> bool:
        return slot in truncated(settings, {slot: header})

    for one in _partitions(admin, settings, topic, partition):
        _say(accept_gap(SlotStore(client), one, replaced, _new_id), "goes on")


_new_id = functools.partial(secrets.token_bytes, STATE_ID_BYTES)


def _kafka(settings: Settings) -> AdminClient:
    admin = kafka_admin(settings)
    wait_for_kafka(admin, settings)
    return admin


def _partitions(admin: AdminClient, settings: Settings, topic: Topic, partition: int | None) -> list[Partition]:
    name = topic.within(settings)
    bounds = ask_patiently(lambda: log_bounds(admin, [name]))
    chosen = bounds if partition is None else {SlotName(name, partition)} & bounds.keys()
    if not chosen:
        message = f"{name} has partitions 0 to {len(bounds) - 1}, not {partition}; choose one of them"
        raise UsageError(message)
    ids, held = topic_ids(admin, [name]), ask_patiently(lambda: _owners(settings))
    return [Partition(slot, bounds[slot], ids[name], held.get(slot)) for slot in chosen]


def _owners(settings: Settings) -> dict[SlotName, str]:
    """Asked by a client of its own: one that was left without an answer once may never get one again."""
    return owners(kafka_admin(settings), settings.group_id, OWNERS_SECONDS)


def _say(done: Outcome, what: str) -> None:
    before = "nothing stored before" if done.from_offset is None else f"stood at {done.from_offset}"
    sys.stdout.write(f"{done.topic}/{done.partition} {what} from offset {done.next_offset} ({before})\n")


def _topic_cells(one: TopicReport) -> tuple[object, ...]:
    differs = "; ".join(f"{it.property} is {it.found or 'unset'}, fitting is {it.fitting}" for it in one.differs)
    return (one.topic, str(one.state), one.partitions, one.replication, differs)


if __name__ == "__main__":
    main()
