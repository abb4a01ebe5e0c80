"""The checker catches a broken protocol: each rule is left out on purpose, and the fault that needs it is made."""

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import TopicPartition

from services.kafka import LocalKafka
from services.redis import LocalRedis
from tests.faults.build import REACHED, Build, Point, Sabotage
from tests.faults.catalog import Fault, group, job, redis, worker
from tests.faults.seed import printed_random
from tests.faults.system import POLL_SECONDS, Setup, System

MOST_TRIES = 40
"""One torn file in five does harm where there is no redo record, so all of them miss it in one run of 7,500."""
OF_A_THIRD_WORKER = frozenset({Sabotage.OFFSET_APART, Sabotage.NO_COMPARE})
"""Their faults befall a worker beside the two, which must get a share."""
Make = Callable[[Sabotage], System]


@pytest.fixture
def make(servers: tuple[LocalKafka, LocalRedis], tmp_path: Path) -> Make:
    """A system whose workers all run the sabotaged build."""
    random = printed_random()

    def made(sabotage: Sabotage) -> System:
        partitions = 3 if sabotage in OF_A_THIRD_WORKER else 2
        return System(*servers, tmp_path, random, Setup(partitions, build=Build(sabotage=sabotage)))

    return made


def is_caught(system: System, fault: Callable[[System], None], broken: str) -> bool:
    """Whether the checker finds this invariant broken, after as many tries of the fault as it takes."""
    for _ in range(MOST_TRIES):
        with suppress(AssertionError):  # a broken worker may also stop for good
            fault(system)
            system.drained()
        if broken in {violation.invariant for violation in system.checker.verify().violations}:
            return True
    return False


def die_between_writes(system: System) -> None:
    dying = Build(at=Point.BETWEEN_WRITES, occurrence=system.random.randint(2, 5), sabotage=Sabotage.OFFSET_APART)
    doomed = system.start_worker(build=dying)
    try:
        worker.expect_death(system, doomed, Point.BETWEEN_WRITES, worker.REACH_SECONDS)
    finally:
        system.kill(doomed)  # a third worker that stays would leave the next one without a share


def hang_before_the_send(system: System) -> None:
    hanging = Build(Point.BEFORE_SEND, 3, "hang", POLL_SECONDS + 2, Sabotage.NO_COMPARE)
    zombie = system.start_worker(build=hanging)
    try:
        system.until(lambda: system.reached(zombie), worker.REACH_SECONDS, "a hang before the send")
        worker.wakes(system, zombie, system.log_of(zombie).partition(REACHED)[0])
    finally:
        system.kill(zombie, signal.SIGTERM)  # as above


def commit_ahead(system: System) -> None:
    """The group's offsets are set to the ends of the logs while workers are down and behind."""
    system.stop_workers()
    system.rest(0.5, 1.0)
    ends = [TopicPartition(*slot, one.log_end) for slot, one in system.checker.slots().items()]
    group.commit(system, ends)
    system.start_workers()


def the(faults: tuple[Fault, ...], name: str) -> Callable[[System], None]:
    return next(fault.run for fault in faults if fault.name == name)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("sabotage", "fault", "broken"),
    [
        (Sabotage.OFFSET_APART, die_between_writes, "I1"),
        (Sabotage.NO_COMPARE, hang_before_the_send, "I2"),
        (Sabotage.NO_REDO, the(redis.FAULTS, "restart from a torn file, and once more"), "I1"),
        (Sabotage.KEPT_IN_HAND, the(redis.FAULTS, "restart from an older copy"), "I1"),
        (Sabotage.RESUME_AT_COMMIT, commit_ahead, "I1"),
    ],
    ids=["offset apart", "no compare", "no redo", "kept in hand", "resume at commit"],
)
def test_a_broken_protocol_is_caught(
    make: Make, sabotage: Sabotage, fault: Callable[[System], None], broken: str
) -> None:
    with make(sabotage) as system:
        system.steady()
        assert is_caught(system, fault, broken)


def test_a_run_that_is_published_without_a_transaction_is_caught(
    servers: tuple[LocalKafka, LocalRedis], tmp_path: Path
) -> None:
    with System(*servers, tmp_path, Random(1), Setup(2, rate=60)) as system, job.same_day(system) as as_of:
        build = Build(at=Point.JOB_AMID_SCORES, sabotage=Sabotage.NO_TRANSACTION)
        assert job.ended(system, job.start_job(system, as_of, build)) == -signal.SIGKILL
        assert {violation.invariant for violation in system.runs.verify({}).violations} == {"I7"}
