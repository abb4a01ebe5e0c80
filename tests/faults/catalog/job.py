"""Daily jobs that die, meet each other, or run while workers and brokers come and go: a run is whole or invisible."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.build import Build, Point
from tests.faults.catalog.fault import Fault
from tests.faults.system import System, Worker

JOB_SECONDS = 180.0
"""A job may wait 60 s for its input, 60 s for the right to publish, 120 s for a commit; seldom for more than one."""
STEPS = tuple(point for point in Point if point.name.startswith("JOB_"))
"""In order: the last one leaves a published run behind."""
HANG_SECONDS = 4.0


def dies_at_every_step(system: System) -> None:
    """One job after the other dies a step later; the last one is left alone."""
    with same_day(system) as as_of:
        for point in STEPS:
            doomed = start_job(system, as_of, Build(at=point))
            assert ended(system, doomed) == -signal.SIGKILL, system.log_of(doomed)
            assert system.reached(doomed), system.log_of(doomed)
        publish(system, as_of)


def dies_at_a_step(system: System) -> None:
    """One job dies at a step of its publishing, the next one does what was left to do."""
    with same_day(system) as as_of:
        doomed = start_job(system, as_of, Build(at=system.random.choice(STEPS)))
        ended(system, doomed)
        publish(system, as_of)


def two_at_once(system: System) -> None:
    """One job takes the right to publish from another that is amid its scores; that one must publish nothing."""
    with same_day(system) as as_of:
        fenced = start_job(system, as_of, Build(at=Point.JOB_AMID_SCORES, do="stop"))
        system.until(lambda: system.reached(fenced), JOB_SECONDS, "a job amid its scores")
        publish(system, as_of)
        fenced.send_signal(signal.SIGCONT)  # not before: it would commit if it were the first to go on
        assert ended(system, fenced) == 1, system.log_of(fenced)
        both = [start_job(system, as_of), start_job(system, as_of)]
        assert 0 in {ended(system, job) for job in both}, [system.log_of(job) for job in both]
        publish(system, as_of)


def amid_rebalances(system: System) -> None:
    """Workers come and go while a job waits for its input and reads it."""
    with system.feed.same_day():
        as_of = system.feed.day.isoformat()
        job = start_job(system, as_of)
        while job.poll() is None:
            system.awake([system.replace(system.random.choice(system.workers))])
            system.rest(3.0, 6.0)  # longer than a session, or nobody ever comes to count
        assert ended(system, job) == 0, system.log_of(job)
        system.check_runs(as_of)


def coordinator_restarts(system: System) -> None:
    """The broker, and with it the transaction's coordinator, is killed and comes back while a run is published."""
    with same_day(system) as as_of:
        job = start_job(system, as_of, Build(at=Point.JOB_AMID_SCORES, do="hang", seconds=HANG_SECONDS))
        system.until(lambda: system.reached(job), JOB_SECONDS, "a job amid its scores")
        system.kafka_server.kill()
        system.kafka_server.start()
        assert ended(system, job) in {0, 1}, system.log_of(job)
        publish(system, as_of)


@contextmanager
def same_day(system: System) -> Iterator[str]:
    """The day to score: no other begins in the block. Where runs are computed plainly, nothing is sent meanwhile."""
    system.feed.next_day()
    system.rest(0.5, 1.0)
    with system.feed.same_day():
        if system.setup.plain_runs:
            system.feed.pause()
            system.drained()
        try:
            yield system.feed.day.isoformat()
        finally:
            if system.setup.plain_runs:
                system.feed.go()


def start_job(system: System, as_of: str, build: Build | None = None) -> Worker:
    """Start a daily job: the product's, or the test build of it."""
    command = ["jobs.cli", "daily"] if build is None else ["tests.faults.build", "daily"]
    env = {} if build is None else build.environment()
    return system.start([*command, "--as-of", as_of, "--output", "json"], env)


def ended(system: System, job: Worker) -> int:
    """The exit code, once there is one."""
    system.until(lambda: job.poll() is not None, JOB_SECONDS, "the end of a job")
    return job.wait()


def publish(system: System, as_of: str) -> None:
    """An undisturbed job publishes, or finds published, what it must."""
    job = start_job(system, as_of)
    assert ended(system, job) == 0, system.log_of(job)
    system.check_runs(as_of)


FAULTS = (
    Fault("job", "SIGKILL at every step of a run", dies_at_every_step, quiet=True),
    Fault("job", "SIGKILL at one step of a run", dies_at_a_step, quiet=True),
    Fault("job", "two jobs at once", two_at_once, quiet=True),
    Fault("job", "workers come and go under a job", amid_rebalances, quiet=True),
    Fault("job", "the transaction coordinator restarts while a run is published", coordinator_restarts, quiet=True),
)
