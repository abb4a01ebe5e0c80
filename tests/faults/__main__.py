"""`make faults`: puts a system under every fault and compares all that it stores and publishes with plain folds."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from tests.faults.catalog import FAULTS, Fault
from tests.faults.site import Outcome, Site
from tests.faults.soak import soak
from tests.faults.system import Setup

TRIES = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, help="soak at random for so long instead of trying one by one")
    parser.add_argument("--only", default="", metavar="TEXT", help='faults with this in "kind: name"')
    parser.add_argument("--tries", type=int, default=TRIES, help="of every fault (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Random().randrange(1 << 30), help="of all random moments")
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    asked = parser.parse_args()
    console = Console(width=160)
    chosen = [fault for fault in FAULTS if asked.only in f"{fault.kind}: {fault.name}"]
    if asked.list:
        console.print("\n".join(f"{fault.kind}: {fault.name}" for fault in chosen), highlight=False)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="engagement-faults-"))
    console.print(f"--seed {asked.seed}, logs in {folder}", highlight=False)
    if asked.minutes:
        lasting = [fault for fault in chosen if fault.lasting]
        well = soak(asked.minutes, lasting, Random(asked.seed), folder, console)
    else:
        well = try_all(chosen, asked.tries, Random(asked.seed), folder, console)
    if well:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


def try_all(faults: Sequence[Fault], tries: int, random: Random, folder: Path, console: Console) -> bool:
    """Every fault, several tries each; prints the table and says whether all was well."""
    outcomes: dict[Fault, list[Outcome]] = {}
    with Site(folder, random, Setup()) as site:
        for fault in faults:
            for _ in range(tries):
                found = site.attempt(fault)
                outcomes.setdefault(fault, []).append(found)
                console.print(f"{'WRONG' if found.wrong else 'well '} {fault.kind}: {fault.name}", highlight=False)
                console.print(found.wrong, markup=False, highlight=False, end="\n" if found.wrong else "")
    console.print(table_of(outcomes))
    return not any(one.wrong for found in outcomes.values() for one in found)


def table_of(outcomes: dict[Fault, list[Outcome]]) -> Table:
    table = Table("fault", "tries", "events", "invariants checked", "recovery, max", "verdict")
    for fault, found in outcomes.items():
        checked = sorted(
            {name for one in found for name, number in one.checks.items() if number}, key=lambda n: int(n[1:])
        )
        wrong = sum(bool(one.wrong) for one in found)
        table.add_row(
            f"{fault.kind}: {fault.name}",
            str(len(found)),
            f"{sum(one.events for one in found):,}",
            " ".join(checked),
            f"{max(one.recovery_seconds for one in found):.1f} s",
            f"{wrong} WRONG" if wrong else "well",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
