"""Redis answers with errors: they are no answers, so workers keep what they have, wait, and send the same again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from unittest.mock import patch

import redis

from services.redis import LocalRedis
from services.server import free_port
from tests.faults.catalog.fault import Fault
from tests.faults.redis_client import count_refused, direct
from tests.faults.system import System
from tests.support import wait_until

KIND = "redis"
REFUSED_WRITES = 4
LOADING_SECONDS = 2.0


@contextmanager
def refusing(system: System, client: redis.Redis, error: str) -> Iterator[None]:
    """Redis refuses in the block: it is entered once it has refused writes, and no offset may move in it."""
    refused = count_refused(client, error) + REFUSED_WRITES
    system.until(lambda: count_refused(client, error) >= refused, what=f"writes refused with {error}")
    before = system.offsets()
    yield
    system.rest(0.3, 2.0)
    assert system.offsets() == before, f"offsets moved while Redis refused with {error}"


def set_for_a_while(system: System, name: str, value: object, back: object, error: str) -> None:
    with direct(system) as client:
        client.config_set(name, str(value))
        try:
            with refusing(system, client, error):
                pass
        finally:
            client.config_set(name, str(back))


def reach_maxmemory(system: System) -> None:
    """Whatever is evicted are keys with a time limit, and slots have none."""
    policy = system.random.choice(("noeviction", "volatile-lru", "volatile-random", "volatile-ttl"))
    with direct(system) as client:
        client.config_set("maxmemory-policy", policy)
        before = client.info("stats")["evicted_keys"]  # how many keys there are is no measure: days are pruned
        set_for_a_while(system, "maxmemory", 1, 0, "OOM")
        assert client.info("stats")["evicted_keys"] == before
        client.config_set("maxmemory-policy", "noeviction")


def lack_replicas(system: System) -> None:
    set_for_a_while(system, "min-replicas-to-write", 1, 0, "NOREPLICAS")


def become_a_replica(system: System) -> None:
    with direct(system) as client:
        client.replicaof("127.0.0.1", str(free_port()))
        try:
            with refusing(system, client, "READONLY"):
                pass
        finally:
            client.replicaof("no", "one")


def fail_to_snapshot(system: System) -> None:
    """Redis refuses writes while it cannot save: a folder stands where its file should."""
    in_the_way = system.redis_server.data_dir / "dump.rdb"
    with direct(system) as client:
        client.config_set("save", "3600 1000000000")
        in_the_way.unlink(missing_ok=True)  # one that was made for a replica
        in_the_way.mkdir()
        (in_the_way / "file").touch()
        try:
            client.bgsave()
            with refusing(system, client, "MISCONF"):
                pass
        finally:
            (in_the_way / "file").unlink()
            in_the_way.rmdir()
            client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok", what="a snapshot")
        client.config_set("save", "")


def be_busy(system: System) -> None:
    """Somebody else's script that does not end."""

    def endless() -> None:
        with direct(system, timeout=60) as client, suppress(redis.RedisError):
            client.eval("while true do end", 0)

    before = _said(system, "BUSY")
    with direct(system) as client:
        client.config_set("lua-time-limit", 100)
        script = threading.Thread(target=endless)
        script.start()
        try:
            wait_until(lambda: _said(system, "BUSY") >= before + REFUSED_WRITES, what="workers that hear BUSY")
        finally:
            client.script_kill()
            script.join()
        client.config_set("lua-time-limit", 5000)


def load_slowly(system: System) -> None:
    """Redis comes back and says for seconds that it is loading its data."""
    with direct(system) as client, client.pipeline(transaction=False) as pipeline:
        for number in range(8_000):  # it looks up from loading every 1,024 commands
            pipeline.set(f"{system.prefix}filler", number)
        pipeline.execute()
        client.delete(f"{system.prefix}filler")
    before = _said(system, "BusyLoadingError")
    with system.checker.rolled_back():
        system.redis_server.kill()
        with slow_to_load(system.redis_server):
            system.redis_server.begin()
        wait_until(lambda: _said(system, "BusyLoadingError") > before, what="workers that hear LOADING")
        system.redis_server.await_ready()
        system.steady()


@contextmanager
def slow_to_load(server: LocalRedis) -> Iterator[None]:
    """A start in the block takes about `LOADING_SECONDS` for the data there is."""
    commands = sum(file.read_bytes().count(b"\r\n*") for file in server.data_dir.rglob("*.aof"))
    plain: Callable[[LocalRedis], list[str]] = LocalRedis.command

    def command(server: LocalRedis) -> list[str]:
        line = plain(server)
        with server.settings_file.open("a") as settings:
            settings.write(f"key-load-delay {round(1e6 * LOADING_SECONDS / max(commands, 1))}\n")
        return line

    with patch.object(LocalRedis, "command", command):
        yield


def _said(system: System, text: str) -> int:
    return sum(system.log_of(worker).count(text) for worker in system.workers)


FAULTS: tuple[Fault, ...] = tuple(
    partial(Fault, KIND)(name, run)
    for name, run in (
        ("maxmemory is reached", reach_maxmemory),
        ("NOREPLICAS", lack_replicas),
        ("READONLY", become_a_replica),
        ("MISCONF: snapshots fail", fail_to_snapshot),
        ("BUSY with another's script", be_busy),
        ("LOADING for seconds", load_slowly),
    )
)
