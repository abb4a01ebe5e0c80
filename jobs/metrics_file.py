"""What the last daily run came to, as a file for the textfile collector of node_exporter."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from jobs.daily import Run
from jobs.phases import Phases
from schemas.exits import Blocked, ConfigurationError, EngagementError, IncompleteInput, Unavailable, UsageError
from store import metrics
from store.exposition import Figures, midnight, text_of
from store.metrics import Metric

SUFFIX = ".prom"
"""The collector reads no other files."""
_KEPT = (metrics.JOB_LAST_SUCCESS, metrics.JOB_AS_OF, metrics.JOB_ACCOUNTS, metrics.JOB_RANKED, metrics.JOB_COHORTS)
"""What a run that fails leaves as it was."""


class Outcome(StrEnum):
    """What a run came to."""

    PUBLISHED = "published"
    REPEATED = "repeated"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"
    UNAVAILABLE = "unavailable"
    BLOCKED = "blocked"
    FAILED = "failed"


_OUTCOMES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Outcome], ...] = (
    ((UsageError, ConfigurationError), Outcome.REFUSED),
    (IncompleteInput, Outcome.INCOMPLETE),
    (Unavailable, Outcome.UNAVAILABLE),
    (Blocked, Outcome.BLOCKED),
)


class Report:
    """What is known of the run so far."""

    def __init__(self) -> None:
        self.phases = Phases()
        self.run: Run | None = None


@contextmanager
def reported(file: Path | None, epoch: Callable[[], float] = time.time) -> Iterator[Report]:
    """Write the file when the block ends, however it ends. Raises UsageError where nobody could read it."""
    if file is not None and (file.suffix != SUFFIX or not file.parent.is_dir()):
        raise UsageError(f"{file}: give a name that ends in {SUFFIX}, in a folder that exists")
    report, outcome = Report(), Outcome.FAILED
    try:
        yield report
        outcome = Outcome.REPEATED if report.run is not None and report.run.repeated else Outcome.PUBLISHED
    except Exception as error:
        outcome = next((found for kinds, found in _OUTCOMES if isinstance(error, kinds)), Outcome.FAILED)
        raise
    finally:
        if file is not None:
            _write(file, text_of(_figures(report, outcome, epoch(), _read(file))))


def _figures(report: Report, outcome: Outcome, now: float, before: dict[str, float]) -> Figures:
    figures = Figures()
    figures.add(metrics.JOB_LAST_RUN, now)
    for one in Outcome:
        figures.add(metrics.JOB_OUTCOME, one is outcome, one)
    for phase, seconds in report.phases.seconds.items():
        figures.add(metrics.JOB_PHASE_SECONDS, seconds, phase)
    for metric, value in _success(report.run, now).items() if report.run else ():
        before[metric.name] = value
    for metric in _KEPT:
        figures.add(metric, before.get(metric.name))
    return figures


def _success(run: Run, now: float) -> dict[Metric, float]:
    manifest = run.manifest
    return {
        metrics.JOB_LAST_SUCCESS: now,
        metrics.JOB_AS_OF: midnight(dt.date.fromisoformat(manifest.as_of)),
        metrics.JOB_ACCOUNTS: manifest.accounts,
        metrics.JOB_RANKED: sum(cohort.ranked for cohort in manifest.cohorts.values()),
        metrics.JOB_COHORTS: len(manifest.cohorts),
    }


def _read(file: Path) -> dict[str, float]:
    """The figures without labels that the run before left; none where there is no such file."""
    try:
        families = list(text_string_to_metric_families(file.read_text()))
    except (OSError, ValueError):
        return {}
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def _write(file: Path, text: bytes) -> None:
    """Put the file in place whole: it may be read at any moment, and by another user."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(text)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise EngagementError(f"{file} cannot be written: {error.strerror}; the run itself is over") from error
