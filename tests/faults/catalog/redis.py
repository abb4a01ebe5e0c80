"""Redis loses replies, writes, connections, scripts and its patience; workers wait, and go on from what is true."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import redis

from tests.faults.append_only_file import copy_of, put_back, tear
from tests.faults.catalog.fault import Fault
from tests.faults.dying_script import DIED
from tests.faults.redis_client import count_refused, direct, others_than_monitors
from tests.faults.replica import Replica
from tests.faults.system import System
from tests.support import wait_until

KIND = "redis"


@contextmanager
def losing_writes(system: System) -> Iterator[None]:
    """Offsets may go back in the block, and until every slot has been stored again."""
    with system.checker.rolled_back():
        yield
        system.steady()


def lose_replies(system: System) -> None:
    wanted = system.proxy.lost + system.random.randrange(2, 6)
    system.proxy.lose_replies(wanted - system.proxy.lost)
    system.until(lambda: system.proxy.lost >= wanted, what="lost replies")


def answer_late(system: System) -> None:
    """First within what a worker waits, then later than that: a reply that comes too late is a lost one."""
    for delay in (system.random.uniform(0.2, 1.0), 5.3):
        before, system.proxy.delay = system.proxy.delayed, delay
        system.until(lambda before=before: system.proxy.delayed > before, what="a late reply")  # type: ignore[misc]
        system.rest(0.5, 1.5)
    system.proxy.delay = 0.0


def kill(system: System) -> None:
    """With `appendfsync everysec` what was confirmed last may be gone."""
    for _ in range(2):
        system.rest(0.1, 1.0)
        with losing_writes(system):
            system.redis_server.kill()
            system.redis_server.start()


def kill_synced(system: System) -> None:
    """With `appendfsync always` nothing that was confirmed may be gone: no offset goes back."""
    with direct(system) as client:
        client.config_set("appendfsync", "always")
    system.steady()
    system.rest(0.1, 1.0)
    system.redis_server.kill()
    system.redis_server.start()
    system.steady()


def tear_twice(system: System) -> None:
    """What of a torn transaction stays in the file may run with the next one, after one more restart."""
    with losing_writes(system):
        for torn in (True, system.random.random() < 0.5):
            system.steady()
            system.redis_server.kill()
            if torn:
                tear(system.redis_server, system.random)
            system.redis_server.start()


def put_back_older(system: System) -> None:
    copy, then = copy_of(system.redis_server, system.folder), system.offsets()
    system.until(lambda: system.moved_on(then), what="writes that the copy lacks")
    system.rest(0.0, 2.0)
    with losing_writes(system):
        system.redis_server.kill()
        put_back(system.redis_server, copy)
        noticed = system.proxy.refused + system.random.randrange(8)
        wait_until(lambda: system.proxy.refused >= noticed, what="workers that miss Redis")
        system.redis_server.start()


def roll_back_while_idle(system: System) -> None:
    """Nothing comes in: only the owner's own comparing can tell."""
    copy, then = copy_of(system.redis_server, system.folder), system.offsets()
    system.until(lambda: system.moved_on(then), what="writes that the copy lacks")
    with system.feed.paused():
        system.drained()
        system.rest(0.0, 2.0)
        with system.checker.rolled_back():
            system.redis_server.kill()
            put_back(system.redis_server, copy)
            system.redis_server.start()
            system.drained()


def fail_over(system: System) -> None:
    replica = Replica(system.redis_server, system.folder / f"replica-{system.random.randrange(1 << 30)}")
    try:
        replica.follow()
        system.rest(0.0, 1.0)
        replica.cut_off()
        then = system.offsets()
        system.until(lambda: system.moved_on(then), what="writes that the replica lacks")
        with losing_writes(system), replica.in_charge():
            system.steady()
    finally:
        replica.server.kill()


def flush_scripts(system: System) -> None:
    with direct(system) as client:
        for _ in range(3):
            system.rest(0.1, 0.8)
            before = count_refused(client, "NOSCRIPT")
            client.script_flush()
            system.until(lambda before=before: count_refused(client, "NOSCRIPT") > before, what="a missing script")  # type: ignore[misc]


def kill_clients(system: System) -> None:
    with direct(system) as client:
        for _ in range(system.random.randrange(5, 12)):
            system.rest(0.05, 0.4)
            for connection in others_than_monitors(client):
                client.client_kill_filter(_id=connection)


def let_scripts_die(system: System) -> None:
    """Whatever a script wrote before it died stays written, and must repeat what was true."""
    with changed_script(system, "dies"):
        system.until(lambda: sum(system.log_of(one).count(DIED) for one in system.workers) > 5, what="scripts that die")


def kill_within_scripts(system: System) -> None:
    with changed_script(system, "dawdles"), direct(system, timeout=0.03) as impatient:
        for _ in range(3):
            system.until(lambda: hangs(impatient), what="a script that runs")
            with losing_writes(system):
                system.redis_server.kill()
                system.redis_server.start()


@contextmanager
def changed_script(system: System, change: str) -> Iterator[None]:
    """Workers whose script misbehaves; at the end those of the product again."""
    system.stop_workers()
    for _ in range(system.setup.workers):
        system.workers.append(system.start(["tests.faults.dying_script", change, "run", "--log-format", "json"]))
    system.steady()
    yield
    system.stop_workers()
    system.start_workers()


def hangs(impatient: redis.Redis) -> bool:
    try:
        impatient.ping()
    except redis.TimeoutError:
        return True
    return False


FAULTS: tuple[Fault, ...] = tuple(
    partial(Fault, KIND)(name, run)
    for name, run in (
        ("a reply is lost after the write was applied", lose_replies),
        ("replies come late, and too late", answer_late),
        ("kill -9, and at most a second is lost", kill),
        ("kill -9 of a Redis that syncs every write", kill_synced),
        ("restart from a torn file, and once more", tear_twice),
        ("restart from an older copy", put_back_older),
        ("rolled back while nothing comes in", roll_back_while_idle),
        ("failover to a replica without the last writes", fail_over),
        ("SCRIPT FLUSH", flush_scripts),
        ("CLIENT KILL", kill_clients),
        ("scripts die midway", let_scripts_die),
        ("kill -9 within a script", kill_within_scripts),
    )
)
