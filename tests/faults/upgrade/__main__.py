"""`make upgrade FROM=REF`: a rolling upgrade from a commit to the working tree and back, everything compared."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from services.find import start_together, stop_together
from services.kafka import LocalKafka
from services.redis import LocalRedis
from tests.faults.system import Setup, System
from tests.faults.upgrade import CannotRollError, Rolling, Row, Version, at_ref, working_tree


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.upgrade", description=__doc__)
    parser.add_argument("--from", dest="ref", required=True, metavar="REF", help="the old version, for git")
    parser.add_argument("--workers", type=int, default=3, help="of each version (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=2_000, help="events a second (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Random().randrange(1 << 30), help="of events and moments")
    asked = parser.parse_args()
    console = Console(width=160, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="engagement-upgrade-"))
    console.print(f"--seed {asked.seed}, logs in {folder}")
    try:
        old, new = at_ref(asked.ref, folder), working_tree(folder)
        console.print(_told(old, new))
        setup = Setup(partitions=asked.workers + 1, workers=0, rate=asked.rate)
        rows = _rows(old, new, folder, random=Random(asked.seed), setup=setup, workers=asked.workers)
        well = _show(rows, console)
    except CannotRollError as error:
        console.print(f"Cannot be rolled: {error}", markup=False)
        return 1
    if well:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


def _told(old: Version, new: Version) -> str:
    """What the trees say of themselves. Raises CannotRollError where their layouts differ."""
    if old.layout != new.layout:
        raise CannotRollError(
            f"{old.name} writes slot layout {old.layout}, {new.name} writes {new.layout}: "
            "stop all workers and rebuild, see docs/operations.md"
        )
    scripts = "the same checkpoint script" if old.script_sha == new.script_sha else "another checkpoint script"
    return f"from {old.name} to {new.name} and back: slot layout {new.layout}, {scripts}"


def _rows(old: Version, new: Version, folder: Path, *, random: Random, setup: Setup, workers: int) -> Iterator[Row]:
    kafka, redis = LocalKafka(folder / "kafka"), LocalRedis(folder / "redis")
    try:
        start_together([kafka, redis])
        with System(kafka, redis, folder, random, setup) as system:
            rolling = Rolling(system, workers)
            yield rolling.begin(old)
            yield from rolling.roll(new)
            yield from rolling.roll(old, killed=workers // 2)
            yield rolling.end()
    finally:
        stop_together([kafka, redis])


def _show(rows: Iterator[Row], console: Console) -> bool:
    """Print each step as it comes, then the table; whether all was well."""
    table = Table("step", "partitions of", "events", "longest pause", "most behind", "verdict")
    wrong = ""
    try:
        for row in rows:
            console.print(f"well  {row.step}")
            owned = ", ".join(f"{name}: {number}" for name, number in sorted(row.owned.items()))
            pause, behind = f"{row.longest_pause:.1f} s", f"{row.most_behind:,}"
            table.add_row(row.step, owned or "nobody", f"{row.events:,}", pause, behind, "well")
    except CannotRollError as error:
        wrong = str(error)
    console.print(table)
    console.print(f"Cannot be rolled: {wrong}" if wrong else "Every event counted once.", markup=False)
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
