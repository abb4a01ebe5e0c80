"""Publishing the days of a span, one run after the other; what is published is skipped, so that it can be resumed."""

from collections.abc import Callable, Iterator

from jobs.daily import Sources, open_sources, run_of, score, users_of, wait_for_input
from jobs.phases import Phases
from jobs.progress import day_bar
from jobs.publish import Publisher, newly_forgotten
from jobs.span import plan_span, summary
from schemas.manifest import Manifest
from schemas.settings import Settings
from store.runs import manifests


def run_backfill(settings: Settings, first: int, last: int, say: Callable[[str], None]) -> None:
    """Publish the days `first` to `last` that are not yet, in order, once the input is complete.

    `say` gets a line for every day as it is published and a summary at the end, also where an error or an interrupt
    ends the work. Raises UsageError as `plan_span`, IncompleteInput, and what connecting, reading and publishing raise;
    the days before stay published.
    """
    sources = open_sources(settings)
    # Again below, where no other job can publish in between; here it saves a wait that ends in a refusal.
    span = plan_span(first, last, manifests(settings))
    published = 0
    try:
        if span.todo:
            wait_for_input(sources)
            publisher = Publisher(settings)
            runs = publisher.runs()
            span = plan_span(first, last, runs)
            with day_bar(span.todo) as progress:
                for run in _publish(sources, publisher, span.todo, runs, progress):
                    published += 1
                    say(f"{run.as_of}: {run.accounts:,} accounts, run {run.run_id}, revision {run.revision}")
    finally:
        say(summary(first, last, span, published))


def _publish(
    sources: Sources, publisher: Publisher, days: range, before: list[Manifest], progress: Callable[[int], None]
) -> Iterator[Manifest]:
    """Publish day after day; `progress` is told every day before its work begins."""
    runs = list(before)
    for day in days:
        progress(day)
        figures, inputs = score(sources, day, runs, Phases())
        run = run_of(figures, inputs, runs, sources.settings)
        forgotten = newly_forgotten(figures.scores.records, inputs.accounts, runs)
        publisher.publish(run.manifest, run.bodies, forgotten, users_of(figures, inputs, sources.settings))
        runs.append(run.manifest)
        yield run.manifest
