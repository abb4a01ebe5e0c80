"""`engagement-stream run`: one worker in this process, or several in processes of their own, served on one address."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from schemas.exits import Exit
from schemas.settings import Settings
from stream.health import deaths, hindrances
from stream.observed import Observed
from stream.reach import Reach
from stream.serving import Address, Answers, Health, serving
from stream.supervisor import supervise
from stream.worker import longest_step, run_worker
from stream.worker_figures import worker_figures
from stream.worker_lag import now
from stream.worker_reports import Link, Reporter, seen_of
from stream.worker_state import Seen


def run_one(settings: Settings, stop: threading.Event, address: Address | None) -> Exit:
    """Work in this process."""
    if address is None:
        return run_worker(settings, stop)
    observed = Observed()
    with _served(settings, address, lambda: [Seen(1, observed.state())]):
        return run_worker(settings, stop, observed)


def run_several(
    settings: Settings, stop: threading.Event, address: Address | None, workers: int, arguments: Sequence[str]
) -> Exit:
    """Have that many processes work; `arguments` are those of a single one's command line."""
    command = [sys.executable, "-m", "stream.cli", "run", *arguments, "--stop-with-stdin"]
    links = [Link(number) for number in range(1, workers + 1)]
    if address is None:
        return supervise(command, stop, links)
    with _served(settings, address, lambda: seen_of(links)):
        return supervise([*command, "--report"], stop, links)


def run_as_child(settings: Settings, stop: threading.Event, *, report: bool) -> Exit:
    """Work as one of the processes of `run_several`: stop when it is gone, and report to it where it serves metrics."""
    observed = Observed()
    reporter = Reporter(observed)
    reporter.start(stop)
    try:
        return run_worker(settings, stop, observed if report else None)
    finally:
        reporter.tell_last()


@contextmanager
def _served(settings: Settings, address: Address, see: Callable[[], list[Seen]]) -> Iterator[None]:
    reach, stuck = Reach(settings), longest_step(settings)

    def ready() -> Health:
        return Health((*hindrances(see(), now(), stuck), *reach.problems()))

    answers = Answers(
        metrics=lambda: worker_figures(see(), now()), live=lambda: Health(deaths(see(), now(), stuck)), ready=ready
    )
    with serving(address, answers):
        yield
