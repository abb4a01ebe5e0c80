"""Kafka lost records that were counted or should be: workers stop and say so, and go on as a person decides (I8)."""

from tests.faults.catalog.fault import Fault
from tests.faults.catalog.kafka import actions_of, send
from tests.faults.partition_log import cut
from tests.faults.stopped import command, decide, end_all, wait_for_error
from tests.faults.system import System
from tests.support import delete_records, delete_topics

KIND = "kafka"


def pass_stored_offset(system: System) -> None:
    """Retention takes records that nobody has counted, while no worker runs."""
    system.feed.pause()
    system.check()  # what is deleted below must be known to the checker
    system.stop_workers()
    system.feed.go()
    topic, partition = system.random.choice(actions_of(system))
    system.until(lambda: _uncounted(system, (topic, partition)) > 100, what="records that nobody has counted")
    stored = system.offsets()[topic, partition]
    delete_before(system, topic, partition, stored + system.random.randrange(1, 100))
    system.start_workers()
    error = wait_for_error(system, f"{topic}/{partition}", "were deleted before they were counted")
    end_all(system)
    decide(system, error)


def _uncounted(system: System, slot: tuple[str, int]) -> int:
    standing = system.checker.slots()[slot]
    return standing.log_end - (standing.next_offset or 0)


def delete_before(system: System, topic: str, partition: int, offset: int) -> None:
    delete_records(system.kafka_server.address, topic, partition, offset)


def cut_and_refill(system: System) -> None:
    """The log loses records that are counted, and gets others at their offsets; with workers and without."""
    with system.feed.paused():
        system.check()  # what is cut off below must be known to the checker
        topic, partition = system.random.choice(actions_of(system))
        stored = system.offsets()[topic, partition]
        if system.random.random() < 0.5:
            system.stop_workers()
        system.kafka_server.kill()
        end = cut(system.kafka_server, topic, partition, stored - system.random.randrange(1, 1 + stored // 4))
        assert end < stored
        system.kafka_server.start()
        send(system, (topic, partition), stored - end + system.random.randrange(1, 100))
        system.start_workers()
        error = wait_for_error(system, f"{topic}/{partition}")
        end_all(system)
    decide(system, error)


def make_anew(system: System) -> None:
    """The topic is deleted under running workers, and made again under the same name."""
    topic, partitions = f"{system.prefix}actions", len(actions_of(system))
    with system.feed.paused():
        system.check()
        delete_topics(system.kafka_server.address, topic)
        system.engine.without_env("ENGAGEMENT_KAFKA").create_topics(partitions)
        wait_for_error(system, topic)
        end_all(system)
        system.feed.go()
        system.start_workers()
        wait_for_error(system, f"{topic}/", "made anew", "accept-gap", "rebuild")
        end_all(system)
        with system.checker.rebuilding():
            command(system, "rebuild", "--topic", "actions")
        system.start_workers()
        system.steady()


FAULTS: tuple[Fault, ...] = (
    Fault(KIND, "retention passes a stored offset", pass_stored_offset),
    Fault(KIND, "a log is truncated and filled again", cut_and_refill, lasting=False, needs_own_kafka=True),
    Fault(KIND, "the actions are deleted and made anew", make_anew, lasting=False),
)
