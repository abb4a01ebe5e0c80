"""The command that sends events of its own and checks that they come out: `canary`."""

import os
import sys
import threading
import time
from contextlib import nullcontext
from typing import Annotated

import typer

from schemas.events import MAX_CHARACTERS
from schemas.exits import UsageError
from schemas.settings import load_settings
from store.connect import connect_redis, kafka_admin, wait_for_kafka, wait_for_redis
from store.logs import configure_logs
from stream.canary.once import check_once
from stream.canary.picture import figures_of, liveliness, readiness
from stream.canary.sender import Clocks
from stream.canary.watch import Canary
from stream.serving import Address, Answers, parse_address, serving
from stream.stop import stop_on_signals

ACCOUNT = "canary.engagement"
INTERVAL_SECONDS = 30.0
LOOK_SECONDS = 0.25


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(canary)


def canary(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            help=f"Its account_id; each canary needs its own. [default: {ACCOUNT}, with --once {ACCOUNT}.once]"
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option(min=1, help="Seconds from one event of each partition to the next.")
    ] = INTERVAL_SECONDS,
    metrics_address: Annotated[
        str | None,
        typer.Option(metavar="[HOST:]PORT", help="Serve /metrics, /livez and /readyz there. [default host: 127.0.0.1]"),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Two rounds of events, then exit: 0 where they came out, else 1.")
    ] = False,
) -> None:
    """Send events of a synthetic account to every partition, and check that they come out in counters and scores."""
    if once and metrics_address is not None:
        raise UsageError("--once ends too soon to be scraped; leave --metrics-address out")
    name = account if account is not None else f"{ACCOUNT}.once" if once else ACCOUNT
    if not 1 <= len(name) <= MAX_CHARACTERS:
        raise UsageError(f"--account has {len(name)} characters; give 1 to {MAX_CHARACTERS}")
    address = None if metrics_address is None else parse_address(metrics_address)
    configure_logs()
    settings = load_settings(os.environ)
    wait_for_kafka(kafka_admin(settings), settings)
    wait_for_redis(connect_redis(settings), settings)
    bird = Canary(settings, name, interval, Clocks(time.time, time.monotonic))
    if once:
        bird.start()
        for line in check_once(bird, LOOK_SECONDS, time.monotonic, time.sleep):
            sys.stdout.write(line + "\n")
        return
    watch(bird, address, stop_on_signals())


def watch(bird: Canary, address: Address | None, stop: threading.Event) -> None:
    """Take steps until `stop` is set, and say what came of them at the address. Raises UsageError, Denied."""
    answers = Answers(
        lambda: figures_of(bird.seen, time.monotonic()),
        lambda: liveliness(bird.seen, time.monotonic()),
        lambda: readiness(bird.seen, time.monotonic()),
    )
    with nullcontext() if address is None else serving(address, answers):
        bird.start()
        while not stop.is_set():
            bird.step()
            stop.wait(LOOK_SECONDS)
