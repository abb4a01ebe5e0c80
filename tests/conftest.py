"""Real Kafka and Redis for every test that asks; whatever was started ends with the session.

Addresses in the environment (KAFKA_BOOTSTRAP_SERVERS, REDIS_URL) are used where given; `local_redis` and `local_kafka`
are always processes of the test's own, to be killed and restarted at will.
"""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
import redis

from services.find import KAFKA_VARIABLE, REDIS_VARIABLE, running
from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import LocalServer
from tests import support

# A busy machine makes an example slow, not wrong; what takes too long ends by the timeout of its test.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("unhurried")

_SESSION = f"t-{secrets.token_hex(4)}"
_COUNT = itertools.count()

Server = TypeVar("Server", bound=LocalServer)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """`host:port` of a Kafka that all tests share."""
    with running(os.environ, redis=False) as addresses:
        yield addresses.kafka
        if KAFKA_VARIABLE in os.environ:  # somebody else's: leave it as it was
            support.delete_topics(addresses.kafka, _SESSION)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis that all tests share."""
    with running(os.environ, kafka=False) as addresses:
        yield addresses.redis
        if REDIS_VARIABLE in os.environ:
            with redis.Redis.from_url(addresses.redis) as client:
                for key in client.scan_iter(f"{{{_SESSION}*", count=1000):
                    client.delete(key)


@pytest.fixture
def prefix() -> str:
    """Return a topic prefix that no other test has, so that tests meet neither in Kafka nor in Redis."""
    return f"{_SESSION}-{next(_COUNT)}."


@pytest.fixture
def settings_env(kafka: str, redis_url: str, prefix: str) -> dict[str, str]:
    """Return the environment for a command of ours: both addresses, the test's prefix, no other setting."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
    return inherited | {KAFKA_VARIABLE: kafka, REDIS_VARIABLE: redis_url, "ENGAGEMENT_TOPIC_PREFIX": prefix}


@pytest.fixture
def create_topics(kafka: str, prefix: str) -> Callable[..., None]:
    """Create topics under the test's prefix: `create_topics(actions=3, accounts=1)`, `_` in a name stands for `-`."""

    def create(**partitions: int) -> None:
        support.create_topics(kafka, {prefix + name.replace("_", "-"): n for name, n in partitions.items()})

    return create


@pytest.fixture
def local_redis(tmp_path: Path) -> Iterator[Callable[[], LocalRedis]]:
    """Start a Redis of the test's own: `.url`, `.kill()`, `.stop()`, `.start()` again, `.pid`, `.data_dir`, `.log`."""
    yield from _own(LocalRedis, tmp_path)


@pytest.fixture
def local_kafka(tmp_path: Path) -> Iterator[Callable[[], LocalKafka]]:
    """Start a Kafka of the test's own: `.address`, and the same methods as `local_redis`."""
    yield from _own(LocalKafka, tmp_path)


def _own(kind: type[Server], folder: Path) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def start() -> Server:
        server = kind(folder / f"{kind.name.lower()}-{len(started)}")
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped proved nothing, so the run fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("CI") == "true":
        print(f"\n{skipped} skipped, which fails the run in CI")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
