"""The daily job in a process of its own: `python -m tests.bench.job_phases AS_OF`; prints one line of JSON.

Seconds by phase of a real run that publishes, and its peak memory.
"""

import gc
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
        """The same function, with its time added to a phase."""

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


PHASES = (
    (daily, "read_inputs", "read"),
    (daily, "activity_of", "sum over slots"),
    (daily, "score_days", "rank, today and yesterday"),
    (figures, "count_usage", "windows of minutes and users"),
    (figures, "split_change", "what changed"),
    (daily, "figures_of", "other figures"),
    (figures.Figures, "bodies", "records"),
    (daily, "digest", "encode and digest"),
    (Publisher, "publish", "publish"),
)


def main() -> None:
    """Measure one run, without collecting garbage as the command does."""
    gc.disable()
    phases = Phases()
    for owner, name, phase in PHASES:
        setattr(owner, name, phases.timed(phase, getattr(owner, name)))
    started, used = time.monotonic(), time.process_time()
    run = daily.run_daily(load_settings(os.environ), parse_day(sys.argv[1]), dry_run=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {**phases.seconds, "all": time.monotonic() - started, "all, CPU": time.process_time() - used}
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "accounts": run.manifest.accounts}))


if __name__ == "__main__":
    main()
