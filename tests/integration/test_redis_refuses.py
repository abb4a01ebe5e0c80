"""An error of Redis is no answer: memory is kept, the partition paused, the same write sent until it is answered."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import redis

from services.redis import LocalRedis
from services.server import free_port
from store import connect
from stream import pace
from tests.faults.proxy import RedisProxy
from tests.integration.live import Live, action
from tests.integration.watched import watched
from tests.support import wait_until

Change = Callable[[redis.Redis], object]
Asked = Callable[[], list[str]]
MOVED = "slot was written by another or rolled back: loading it again"
SLOW_LOAD = "key-load-delay 400\n"
"""Microseconds that Redis takes longer for each command of its file at start; it says LOADING every 1,024 commands."""
FILLER = 8_000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, live: Live) -> Iterator[Callable[[], list[str]]]:
    """What the worker has asked of its consumer about the partition of the actions: pause and resume."""
    monkeypatch.setattr(connect, "REDIS_TIMEOUT_SECONDS", 30.0)  # a slow answer would be one more pause
    with watched(monkeypatch) as consumer:
        yield lambda: [what for what, slot in consumer.asked if slot == live.slot()]


def assert_survived(
    live: Live, asked: Asked, begin: Callable[[], object], error: str, end: Callable[[], object]
) -> None:
    """A worker counts 100 actions, 50 more while Redis answers with that error, and 50 more when it is over."""
    live.topics()
    values = [action("acme"), action("other", day="2025-06-29")] * 25
    with live.worker():
        live.produce(values + values)
        live.wait_stored(100)
        live.wait_settled()  # or the accounts' first checkpoint may be what Redis refuses
        begin()
        live.produce(values)
        live.wait_said("waiting", error=error, slot=live.slot())
        wait_until(lambda: asked()[:1] == ["pause"], what="a pause")  # which may be over already
        live.produce(values)
        end()
        live.wait_stored(200)
        live.assert_counted({"acme": 100, "other": 100})
        wait_until(lambda: asked() == ["pause", "resume"], what="one pause and one resume")
    assert not live.said(MOVED)
    assert len(live.said("slot loaded", slot=live.slot())) == 1


@dataclass(frozen=True)
class Refusal:
    """A way to make Redis refuse writes, and to make it take them again."""

    begin: Change
    error: str
    end: Change


def set_to(name: str, value: object) -> Change:
    return lambda client: client.config_set(name, str(value))


REFUSALS = {
    "OOM": Refusal(set_to("maxmemory", 1), "OutOfMemory", set_to("maxmemory", 0)),
    "NOREPLICAS": Refusal(set_to("min-replicas-to-write", 1), "NOREPLICAS", set_to("min-replicas-to-write", 0)),
    "READONLY": Refusal(
        lambda client: client.replicaof("127.0.0.1", free_port()),
        "ReadOnly",
        lambda client: client.replicaof("no", "one"),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_redis_that_refuses_writes_is_waited_for(fragile: Live, asked: Asked, name: str) -> None:
    refusal = REFUSALS[name]
    with fragile.client as client:
        assert_survived(fragile, asked, lambda: refusal.begin(client), refusal.error, lambda: refusal.end(client))


def test_a_redis_that_is_busy_with_a_script_is_waited_for(fragile: Live, asked: Asked) -> None:
    def endless_script() -> None:
        with fragile.client as client, pytest.raises(redis.RedisError):
            client.eval("while true do end", 0)

    with fragile.client as client:
        client.config_set("lua-time-limit", 100)
        script = threading.Thread(target=endless_script)
        assert_survived(fragile, asked, script.start, "BUSY", client.script_kill)
    script.join()


def test_a_redis_that_is_killed_and_loads_its_data_is_waited_for(
    fragile: Live, own_redis: LocalRedis, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fragile.client as client:
        client.set("filler", "")
        for _ in range(FILLER // 1_000):
            with client.pipeline(transaction=False) as pipeline:
                for number in range(1_000):
                    pipeline.set("filler", number)
                pipeline.execute()
    plain = LocalRedis.command

    def slow_to_load(server: LocalRedis) -> list[str]:
        command = plain(server)
        with server.settings_file.open("a") as settings:
            settings.write(SLOW_LOAD)
        return command

    monkeypatch.setattr(LocalRedis, "command", slow_to_load)
    monkeypatch.setattr(pace, "LONGEST_SECONDS", 0.5)  # or it may ask only before and after Redis loads

    def kill_and_load() -> None:
        own_redis.kill()
        own_redis.begin()

    assert_survived(fragile, asked, kill_and_load, "BusyLoading", own_redis.await_ready)


@pytest.fixture
def proxy(own_redis: LocalRedis) -> Iterator[RedisProxy]:
    with RedisProxy(own_redis.port) as proxy:
        yield proxy


def test_a_write_whose_reply_was_lost_is_sent_again_and_known_again(
    live: Live, proxy: RedisProxy, asked: Asked
) -> None:
    lossy = live.given(REDIS_URL=proxy.url)
    assert_survived(
        lossy, asked, lambda: proxy.lose_replies(2), "Connection", lambda: wait_until(lambda: proxy.lost == 2)
    )
