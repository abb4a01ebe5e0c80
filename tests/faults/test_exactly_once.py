"""Nothing is lost and nothing counted twice, whatever dies: the figures afterwards are those of an undisturbed count.

Faults come at random moments of a running feed; the seed is printed, and EXACTLY_ONCE_SEED sets it.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest

from services.redis import LocalRedis
from tests.acceptance.engine import STOP_SECONDS, Engine, assert_equal_figures
from tests.faults.paced_feed import Feed, Load, months, one_day
from tests.faults.proxy import RedisProxy
from tests.support import wait_until

SESSION_SECONDS = 2.0
POLL_SECONDS = 4.0
KAFKA = {
    "session.timeout.ms": round(1000 * SESSION_SECONDS),
    "heartbeat.interval.ms": 500,
    "max.poll.interval.ms": round(1000 * POLL_SECONDS),
}
PARTITIONS = 3
KILLS = 20
MOST_TORN_BYTES = 3_000


@pytest.fixture
def random() -> Random:
    seed = int(os.environ.get("EXACTLY_ONCE_SEED", Random().randrange(1_000_000)))
    print(f"EXACTLY_ONCE_SEED={seed}")
    return Random(seed)


@pytest.fixture
def own(local_redis: Callable[[], LocalRedis]) -> LocalRedis:
    return local_redis()


@pytest.fixture
def proxy(own: LocalRedis) -> Iterator[RedisProxy]:
    with RedisProxy(own.port) as proxy:
        yield proxy


@pytest.fixture
def engine(settings_env: dict[str, str], proxy: RedisProxy, tmp_path: Path) -> Engine:
    """A system behind the proxy, with sessions short enough to die in."""
    engine = Engine({**settings_env, "REDIS_URL": proxy.url, "ENGAGEMENT_WAIT_SECONDS": "60"}, tmp_path)
    engine.create_topics(PARTITIONS)
    return engine.with_env(ENGAGEMENT_KAFKA=json.dumps(KAFKA))


@contextmanager
def replaceable_workers(engine: Engine, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that the block may kill and replace in the list; those in it at the end must live and stop cleanly."""
    running = [engine.start_worker() for _ in range(count)]
    try:
        yield running
        assert all(worker.poll() is None for worker in running), "a worker gave up" + engine.worker_logs()
        for worker in running:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(STOP_SECONDS) for worker in running] == [0] * count, engine.worker_logs()
    except AssertionError:
        print(engine.worker_logs())
        raise
    finally:
        for worker in running:
            end(worker)


def assert_exact(engine: Engine, load: Load) -> None:
    for as_of, expected in load.expected.items():
        assert_equal_figures(engine.daily(as_of, "--dry-run", seconds=90), expected)


def wait_for_answers(proxy: RedisProxy, count: int) -> None:
    """Waits until `count` more checkpoints have reached Redis."""
    wanted = proxy.answered + count
    wait_until(lambda: proxy.answered >= wanted, what=f"{count} more checkpoints")


def kill(engine: Engine, workers: list[subprocess.Popen[bytes]], which: int) -> None:
    assert workers[which].poll() is None, "a worker gave up" + engine.worker_logs()
    end(workers[which])
    workers[which] = engine.start_worker()


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()


def freeze(feed: Feed, worker: subprocess.Popen[bytes]) -> None:
    """Stops a worker until well past its session, when the other has what it had, and lets it go on as if it still had.

    The next to be killed is the other, so the slots come back to a worker that remembers an old state of them.
    """
    worker.send_signal(signal.SIGSTOP)
    feed.wait_more(SESSION_SECONDS + 2)
    worker.send_signal(signal.SIGCONT)


def test_workers_may_be_killed_and_frozen_at_any_moment_also_amid_slow_checkpoints(
    engine: Engine, proxy: RedisProxy, random: Random
) -> None:
    moments = [0.03 + 0.95 * (number + random.random()) / KILLS for number in range(KILLS)]
    frozen = {random.randrange(3, 10), random.randrange(10, 17)}
    with Feed(engine, months(), 48) as feed, replaceable_workers(engine, 2) as workers:
        for number, moment in enumerate(moments):
            feed.wait_for(moment)
            proxy.delay = 0.4 if number % 2 else 0.0
            which = random.randrange(2)
            if number in frozen:
                freeze(feed, workers[1 - which])
            kill(engine, workers, which)
        feed.wait_for(1.0)
        assert_exact(engine, months())
    assert proxy.delayed


def test_a_worker_that_wakes_with_records_in_hand_changes_nothing(engine: Engine, proxy: RedisProxy) -> None:
    load = one_day()
    with Feed(engine, load, 28) as feed, replaceable_workers(engine, 1) as workers:
        for _ in range(2):
            wait_for_answers(proxy, 2 * PARTITIONS)
            proxy.delay = 1.0
            wait_until(partial(more_delayed, proxy, proxy.delayed), what="a reply to wait for")
            workers[-1].send_signal(signal.SIGSTOP)  # waits for the reply; what comes next has been fetched meanwhile
            proxy.delay = 0.0
            workers.append(engine.start_worker())
            wait_for_answers(proxy, 2 * PARTITIONS)
            workers[-2].send_signal(signal.SIGCONT)
            wait_for_answers(proxy, 2 * PARTITIONS)
            end(workers.pop())  # the slots come back to the one that remembers an old state of them
        feed.wait_for(1.0)
        assert_exact(engine, load)


@pytest.mark.parametrize("load", [months, one_day])
def test_redis_may_lose_replies_be_torn_and_rolled_back(
    engine: Engine, proxy: RedisProxy, own: LocalRedis, random: Random, tmp_path: Path, *, load: Callable[[], Load]
) -> None:
    older = tmp_path / "older"
    with Feed(engine, load(), 30) as feed, replaceable_workers(engine, 2) as workers:
        feed.wait_for(0.08)
        proxy.lose_replies(3)
        wait_until(lambda: proxy.lost == 3, what="three lost replies")
        engine.daily("2024-05-01", "--dry-run")  # returns once every slot has been stored
        shutil.copytree(own.data_dir, older)
        for moment in (0.22, 0.3):
            feed.wait_for(random.uniform(moment, moment + 0.06))
            restart_torn(own, random)
        feed.wait_for(0.4)
        slow_down(feed, proxy)
        feed.wait_for(random.uniform(0.7, 0.75))
        roll_back(own, older, proxy)
        for moment in (0.82, 0.9):
            feed.wait_for(random.uniform(moment, moment + 0.06))
            proxy.lose_replies(1)
            restart_torn(own, random)
        kill(engine, workers, 0)
        feed.wait_for(1.0)
        assert_exact(engine, load())


def restart_torn(own: LocalRedis, random: Random) -> None:
    """Kills Redis and starts it without the last bytes of its file, as after a power cut."""
    own.kill()
    newest = max(own.data_dir.rglob("*.aof"), key=lambda path: path.stat().st_mtime_ns)
    size = newest.stat().st_size
    os.truncate(newest, max(size // 2, size - random.randrange(1, MOST_TORN_BYTES)))
    own.start()


def roll_back(own: LocalRedis, older: Path, proxy: RedisProxy) -> None:
    """Starts Redis with data from some time ago, as a restored backup or a failover to a replica that was behind.

    It is away long enough for the owner of every partition to have noticed and to be waiting.
    """
    own.kill()
    shutil.rmtree(own.data_dir)
    shutil.copytree(older, own.data_dir)
    enough = proxy.refused + 4 * PARTITIONS
    wait_until(lambda: proxy.refused >= enough, what="owners that wait for Redis")
    own.start()


def slow_down(feed: Feed, proxy: RedisProxy) -> None:
    """Replies late: first by a second, then by more than the worker may take between two polls."""
    for delay in (1.0, POLL_SECONDS + 1.5):
        before, proxy.delay = proxy.delayed, delay
        wait_until(partial(more_delayed, proxy, before), what="a slow checkpoint")
    feed.wait_more(1)
    proxy.delay = 0.0


def more_delayed(proxy: RedisProxy, before: int) -> bool:
    return proxy.delayed > before
