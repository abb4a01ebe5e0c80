"""The daily job in a process of its own: `python -m tests.bench.job_phases AS_OF`; prints one line of JSON.

Seconds by phase of a real run that publishes, and its peak memory.
"""

import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from jobs import daily, figures
from jobs.days import parse_day
from jobs.publish import Publisher
from schemas.settings import load_settings

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Phases:
    """Wall seconds of each phase; one within another is not counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, phase: str, work: Callable[Given, Found]) -> Callable[Given, Found]:
        """The same function, its time added to a phase."""

        def run(*args: Given.args, **given: Given.kwargs) -> Found:
            started = time.monotonic()
            self._inner.append(0.0)
            try:
                return work(*args, **given)
            finally:
                spent = time.monotonic() - started
                self.seconds[phase] += spent - self._inner.pop()
                self._inner[-1] += spent

        return run


def main() -> None:
    """Measure one run."""
    phases = Phases()
    daily.read_inputs = phases.timed("read", daily.read_inputs)
    daily.activity_of = phases.timed("sum over slots", daily.activity_of)
    daily.score_days = phases.timed("rank, today and yesterday", daily.score_days)
    daily.figures_of = phases.timed("other figures", daily.figures_of)
    figures.count_usage = phases.timed("windows of minutes and users", figures.count_usage)
    figures.split_change = phases.timed("what changed", figures.split_change)
    figures.Figures.bodies = phases.timed("records", figures.Figures.bodies)  # type: ignore[method-assign]
    daily.digest = phases.timed("encode and digest", daily.digest)
    Publisher.publish = phases.timed("publish", Publisher.publish)  # type: ignore[method-assign]
    started = time.monotonic()
    run = daily.run_daily(load_settings(os.environ), parse_day(sys.argv[1]), dry_run=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {**phases.seconds, "all": time.monotonic() - started}
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "accounts": run.manifest.accounts}))


if __name__ == "__main__":
    main()
