"""The commands that look at the system from outside: `lag`, `exporter`, `top`. None of them needs a worker."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from schemas.settings import load_settings
from store.connect import connect_redis, kafka_admin, redis_place, wait_for_kafka, wait_for_redis
from store.console import Output, write_json, write_table
from store.logs import configure_logs
from store.patience import ask_patiently
from store.waiting import said_if_slow
from stream.exporter import run_exporter
from stream.keys import pressed, single_keys
from stream.lag_report import HEADING, check_lag, lag_cells, lag_lines, lag_view, require_answers
from stream.looks import Looks
from stream.observer import Observer
from stream.picture import Picture
from stream.serving import parse_address
from stream.stop import stop_on_signals
from stream.top import Room, frame, recent

DEFAULT_ADDRESS = "127.0.0.1:9308"
WATCH_SECONDS = 2.0
TOP_SECONDS = 1.0
KEY_SECONDS = 0.2

IntervalOption = Annotated[float, typer.Option(min=0.1, help="Seconds from one look to the next.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(lag)
    app.command()(exporter)
    app.command()(top)


def lag(
    *,
    output: Annotated[Output, typer.Option(help="A table for people, or one JSON record a line.")] = Output.TABLE,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    interval: IntervalOption = WATCH_SECONDS,
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Exit 1 where an event waits for longer, or that is unknown."),
    ] = None,
) -> None:
    """Say how far each slot is behind its log, and what is wrong if anything; works with no worker running."""
    console = Console()
    with closing(_ready_observer()) as observer, suppress(KeyboardInterrupt):
        pictures = _pictures(observer, interval if watch else None)
        if watch and output is Output.TABLE and console.is_terminal:
            _draw(console, pictures, fail_over)
        else:
            _print(console, pictures, output, fail_over)


def exporter(
    address: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = DEFAULT_ADDRESS,
) -> None:
    """Serve lag and health of all partitions, Redis and the newest run to Prometheus, until SIGTERM or SIGINT."""
    listen = parse_address(address)
    configure_logs()
    stop = stop_on_signals()
    settings = load_settings(os.environ)
    run_exporter(Observer(lambda: kafka_admin(settings), connect_redis(settings), settings), settings, listen, stop)


def top(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame; so it is where stdout is no terminal.")
    ] = False,
    interval: IntervalOption = TOP_SECONDS,
) -> None:
    """Watch partitions, owners, lag and rates, the newest run and Redis; q or Ctrl-C ends."""
    console = Console()
    observer = _ready_observer()
    if not once and console.is_terminal and sys.stdin.isatty():
        _watch(console, observer, interval)
        return
    with closing(observer):
        first = _first(observer)
        time.sleep(interval)  # a rate takes two looks
        console.print(frame((first, observer.look()), observer.topic_prefix, Room(console.width)))


def _ready_observer() -> Observer:
    """Of what the environment names, once Kafka and Redis answer."""
    settings = load_settings(os.environ)
    client = connect_redis(settings)
    with said_if_slow(f"waiting for Kafka at {settings.kafka_bootstrap_servers}"):
        wait_for_kafka(kafka_admin(settings), settings)
    with said_if_slow(f"waiting for Redis at {redis_place(settings)}"):
        wait_for_redis(client, settings)
    return Observer(lambda: kafka_admin(settings), client, settings)


def _first(observer: Observer) -> Picture:
    return ask_patiently(lambda: require_answers(observer.look()))


def _pictures(observer: Observer, interval: float | None) -> Iterator[Picture]:
    """One, or one every `interval` seconds. Kafka or Redis being away after the first is something to show."""
    yield _first(observer)
    while interval is not None:
        time.sleep(interval)
        yield observer.look()


def _print(console: Console, pictures: Iterator[Picture], output: Output, fail_over: float | None) -> None:
    for number, picture in enumerate(pictures):
        lines = lag_lines(picture)
        if output is Output.JSON:
            write_json(sys.stdout, lines)
        elif console.is_terminal:
            console.print(lag_view(lines, console.width))
        else:
            sys.stdout.write("\n" if number else "")
            write_table(sys.stdout, HEADING, map(lag_cells, lines))
        sys.stdout.flush()
        if fail_over is not None:
            check_lag(picture, fail_over)


def _draw(console: Console, pictures: Iterator[Picture], fail_over: float | None) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for picture in pictures:
            live.update(lag_view(lag_lines(picture), console.width), refresh=True)
            if fail_over is not None:
                check_lag(picture, fail_over)


def _watch(console: Console, observer: Observer, interval: float) -> None:
    terminal = sys.stdin.fileno()
    ended = threading.Event()
    looks = Looks(observer, interval, lambda _: None, ended.set)
    pictures: tuple[Picture, ...] = ()
    with (
        looks.running(),
        suppress(KeyboardInterrupt),
        single_keys(terminal),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        live.update("looking ...", refresh=True)
        while not ended.is_set() and "q" not in pressed(terminal, KEY_SECONDS):
            newest = looks.newest
            if newest is not None and newest not in pictures[-1:]:
                pictures = recent(pictures, newest)
                room = Room(console.width, console.height)
                live.update(frame(pictures, observer.topic_prefix, room), refresh=True)
