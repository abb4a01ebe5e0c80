"""A worker tells its command how it is over its stdin, and the command knows who is silent and who ended."""

import os
import socket
import threading
from collections.abc import Iterator
from functools import cache

import pytest

from stream.observed import Observed
from stream.worker_reports import Link, Reporter, seen_of
from stream.worker_state import Stage
from tests.support import wait_until


class Worker:
    """A worker's end in this process."""

    def __init__(self) -> None:
        self.observed = Observed()
        self.reporter = Reporter(self.observed)
        self.stop = threading.Event()
        self.start = cache(lambda: self.reporter.start(self.stop))


@pytest.fixture
def link() -> Iterator[Link]:
    link = Link(1)
    yield link
    link.close()


@pytest.fixture
def worker(link: Link, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Its stdin is the socket that its process would have."""
    monkeypatch.setattr("stream.worker_reports.ANSWER_SECONDS", 60.0)  # on a busy machine
    worker = Worker()
    with os.fdopen(os.dup(link.workers_end.fileno()), "rb", buffering=0) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        link.started()
        yield worker
        worker.start()
        link.close()
        assert worker.stop.wait(60), "the end of the command was not noticed"


def test_a_worker_is_asked_for_its_state_as_of_now(link: Link, worker: Worker) -> None:
    worker.start()
    for stage in (Stage.RUNNING, Stage.STOPPING):
        worker.observed.reached(stage)
        (seen,) = seen_of([link])
        assert seen.state is not None
        assert (seen.state.stage, seen.running, seen.answered) == (stage, True, True)
        assert seen.state.pid == os.getpid()
        assert seen.state.cpu_seconds > 0


def test_the_end_of_the_command_stops_a_worker(link: Link, worker: Worker) -> None:
    worker.start()
    assert seen_of([link])[0].answered
    assert not worker.stop.is_set()
    link.close()
    assert worker.stop.wait(60)


def test_a_worker_that_does_not_answer_is_shown_as_it_was(
    link: Link, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.worker_reports.ANSWER_SECONDS", 0.1)
    (seen,) = seen_of([link])
    assert (seen.state, seen.running, seen.answered) == (None, True, False)
    worker.start()
    wait_until(lambda: seen_of([link])[0].answered)


def test_many_questions_without_an_answer_hold_nobody_up(link: Link, worker: Worker) -> None:
    for _ in range(10_000):  # far more than the socket takes
        link.ask()
    worker.start()
    wait_until(lambda: seen_of([link])[0].answered)


def test_what_a_worker_ends_with_is_known_after_its_end(link: Link, worker: Worker) -> None:
    worker.start()
    assert seen_of([link])[0].answered
    worker.observed.reached(Stage.STOPPING)
    worker.reporter.tell_last()
    link.close()
    (seen,) = seen_of([link])
    assert seen.state is not None
    assert (seen.state.stage, seen.running) == (Stage.STOPPING, False)


def test_a_worker_that_nobody_asks_tells_nothing(link: Link, worker: Worker) -> None:
    worker.reporter.tell_last()
    link.close()
    assert link.seen(0.0).state is None


def test_a_worker_that_ends_in_the_middle_of_a_word_ended(link: Link) -> None:
    with socket.socket(fileno=os.dup(link.workers_end.fileno())) as told:
        link.started()
        told.sendall(b"\x10\x00\x00\x00half")
    wait_until(lambda: not link.seen(0.0).running)
    assert link.seen(0.0).state is None
