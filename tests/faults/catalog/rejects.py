"""The rejects topic is gone, or takes nothing: workers wait before what they cannot deliver, and drop none (I6)."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.catalog.bad_input import Record, send_all, take_values_of
from tests.faults.catalog.fault import Fault
from tests.faults.stopped import assert_error, command, end_all
from tests.faults.system import System
from tests.support import delete_topics

KIND = "rejects"
UNDELIVERED = "rejects not delivered, trying again"
WAITING = "are not delivered yet"
AMPLE = 1_000_000_000


@contextmanager
def standing_before_rejects(system: System) -> Iterator[None]:
    """The block is entered once every partition has a record to reject, and workers wait; no offset may pass it."""
    bad: list[Record] = [(None, b"no JSON")] * 60
    for topic in ("actions", "accounts"):
        send_all(system, topic, bad)
    said = 1 + _said(system, WAITING)
    system.until(lambda: _said(system, WAITING) >= said, what="workers that wait for rejects to be delivered")
    system.rest(1.0, 2.0)
    before = system.offsets()
    yield
    system.rest(0.5, 2.0)
    assert system.offsets() == before, "an offset passed rejects that are not delivered"


def _said(system: System, text: str) -> int:
    return sum(system.log_of(worker).count(text) for worker in system.workers)


def take_too_little(system: System) -> None:
    limit(system, 1)
    with standing_before_rejects(system):
        pass
    limit(system, AMPLE)


def take_too_little_for_the_dead(system: System) -> None:
    """Workers die with rejects in hand; those that come read the same records again, and make the topic take them."""
    limit(system, 1)
    with standing_before_rejects(system):
        pass
    end_all(system)
    system.start_workers()


def limit(system: System, most_bytes: int) -> None:
    take_values_of(system, "rejects", most_bytes)


def be_missing(system: System) -> None:
    """The topic is deleted under running workers; new ones do not start without it, and it is made again."""
    system.feed.pause()
    system.check()  # the rejects so far must be known to the checker
    delete_topics(system.kafka_server.address, f"{system.prefix}rejects")
    system.feed.go()
    with standing_before_rejects(system):
        pass
    refused = system.start_worker()
    system.until(lambda: refused.poll() is not None, what="a worker that does not start")
    assert_error(system, refused, f"{system.prefix}rejects", "engagement-stream topics --create")
    system.workers.remove(refused)
    command(system, "topics", "--create", "--partitions", str(system.setup.partitions))


FAULTS: tuple[Fault, ...] = (
    Fault(KIND, "the rejects topic takes too little", take_too_little),
    Fault(KIND, "workers die with rejects in hand", take_too_little_for_the_dead),
    Fault(KIND, "the rejects topic is missing", be_missing, lasting=False),
)
