"""`python -m tests.faults.fuzz --minutes N [--seed S]`: a long search; what it finds is kept as an example for good."""

import argparse
import sys
import time
from random import Random

from tests.faults.fuzz.findings import keep
from tests.faults.fuzz.search import Search, shrunk

REPORT_SECONDS = 10.0
MOST_FINDINGS = 10


def main() -> int:
    """Search until the time is over or enough is found; 1 where anything is."""
    parser = argparse.ArgumentParser(description="Look for records about which the decoders do not agree.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=Random().randrange(1 << 30))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    search, found = Search(Random(asked.seed)), 0
    start = reported_at = time.monotonic()
    while time.monotonic() - start < 60 * asked.minutes and found < MOST_FINDINGS:
        for finding in search.batch():
            found += 1
            print(f"{keep(shrunk(finding))}: {finding.exact} {finding.fast} {finding.independent}", flush=True)
        if time.monotonic() - reported_at >= REPORT_SECONDS:
            reported_at = time.monotonic()
            print(f"{search.records:,} records, {search.different} kinds of verdicts, {found} findings", flush=True)
    print(f"{search.records:,} records, {search.different} kinds of verdicts, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
