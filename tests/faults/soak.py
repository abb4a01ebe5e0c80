"""Faults at random for as long as wanted: one system, one fault about every 15 s, everything compared after each."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from services.find import start_together, stop_together
from services.kafka import LocalKafka
from services.redis import LocalRedis
from tests.faults.catalog import Fault
from tests.faults.checker import Report, Rules
from tests.faults.system import NOT_IN_TIME, Setup, System

EVERY_SECONDS = 15.0
SPREAD_SECONDS = 4.0
SETUP = Setup(partitions=8, workers=2, rate=6_500, day_seconds=10.0, rules=Rules(retention_days=120))


@dataclass
class Tally:
    """What a soak has come to."""

    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    """Faults of which a step did not come about in time; all is compared after them just the same."""
    report: Report | None = None
    longest: tuple[float, str] = (0.0, "")
    wrong: str = ""


def soak(minutes: float, faults: list[Fault], random: Random, folder: Path, console: Console) -> bool:
    """Run, and print the summary; whether all was well."""
    kafka, redis = LocalKafka(folder / "kafka"), LocalRedis(folder / "redis")
    tally = Tally()
    started = time.monotonic()
    try:
        start_together([kafka, redis])
        with System(kafka, redis, folder, random, SETUP) as system:
            system.steady()
            while not tally.wrong and time.monotonic() - started < 60 * minutes:
                _one(system, random.choice(faults), tally, console)
            _finish(system, tally)
    finally:
        stop_together([kafka, redis])
        _print(tally, time.monotonic() - started, console)
    return not tally.wrong


def _one(system: System, fault: Fault, tally: Tally, console: Console) -> None:
    begun = time.monotonic()
    tally.faults[fault.kind] += 1
    try:
        tally.missed += not _made(fault, system)
        seconds = system.drained(fault.recovery_seconds)
        system.assert_alive()
        tally.report = system.verify()
    except Exception as error:  # noqa: BLE001  whatever it was, the soak has found it and must say so
        tally.wrong = f"{fault.kind}: {fault.name}: {type(error).__name__}: {error}"
        return
    tally.longest = max(tally.longest, (seconds, f"{fault.kind}: {fault.name}"))
    console.print(
        f"{time.strftime('%H:%M:%S')} {tally.report.events:>12,} events, {tally.report.cells:>13,} cells, "
        f"recovered in {seconds:4.1f} s after {time.monotonic() - begun:4.1f} s of {fault.kind}: {fault.name}"
    )
    left = EVERY_SECONDS - (time.monotonic() - begun)
    system.rest(max(0.0, left - SPREAD_SECONDS), max(0.0, left + SPREAD_SECONDS))


def _made(fault: Fault, system: System) -> bool:
    """Break the system; whether all of it came about. Whether the system recovers is for others to say."""
    try:
        system.awake(system.workers)
        fault.run(system)
    except AssertionError as error:
        if NOT_IN_TIME not in str(error):
            raise
        return False
    return True


def _finish(system: System, tally: Tally) -> None:
    """Stand still, stop as an operator does, and compare a last time."""
    if tally.wrong:
        return
    try:
        system.feed.pause()
        system.drained()
        system.stop_workers()
        tally.report = system.verify()
        system.check_runs()
    except AssertionError as error:
        tally.wrong = f"at the end: {error}"


def _print(tally: Tally, seconds: float, console: Console) -> None:
    report, table = tally.report, Table("figure", "value", title=f"Soak of {seconds / 60:.1f} minutes")
    for kind, number in sorted(tally.faults.items()):
        table.add_row(f"faults: {kind}", str(number))
    table.add_row("faults in all", str(tally.faults.total()))
    table.add_row("of these not made in time", str(tally.missed))
    if report is not None:
        table.add_row("events", f"{report.events:,}")
        table.add_row("cells compared", f"{report.cells:,}")
        for invariant, number in sorted(report.checks.items()):
            table.add_row(f"checks of {invariant}", f"{number:,}")
    table.add_row("violations", "0" if not tally.wrong else "see below")
    table.add_row("longest recovery", f"{tally.longest[0]:.1f} s ({tally.longest[1]})")
    console.print(table)
    if tally.wrong:
        console.print(tally.wrong, markup=False, highlight=False)
