"""Where Kafka and Redis come from: addresses in the environment, else Docker, else processes of our own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services import docker
from services.errors import ServiceError
from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import LocalServer

KAFKA_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
REDIS_VARIABLE = "REDIS_URL"


@dataclass(frozen=True)
class Addresses:
    """Where the two services answer."""

    kafka: str
    redis: str

    def environment(self) -> dict[str, str]:
        """Return the two variables that every program of the project reads."""
        return {KAFKA_VARIABLE: self.kafka, REDIS_VARIABLE: self.redis}


@contextmanager
def running(environ: Mapping[str, str], *, kafka: bool = True, redis: bool = True) -> Iterator[Addresses]:
    """Give the addresses of the services asked for (else empty), start what the environment does not name.

    What was started is stopped at the end. Raises ServiceError where a service cannot be had.
    """
    given = Addresses(environ.get(KAFKA_VARIABLE, ""), environ.get(REDIS_VARIABLE, ""))
    kafka, redis = kafka and not given.kafka, redis and not given.redis
    if not kafka and not redis:
        yield given
    elif docker.answers():
        with docker.containers(kafka=kafka, redis=redis) as (kafka_address, redis_address):
            yield Addresses(kafka_address or given.kafka, redis_address or given.redis)
    else:
        with _local(kafka=kafka, redis=redis) as (kafka_address, redis_address):
            yield Addresses(kafka_address or given.kafka, redis_address or given.redis)


@contextmanager
def _local(*, kafka: bool, redis: bool) -> Iterator[tuple[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="engagement-services-"))
    own_redis = LocalRedis(folder / "redis") if redis else None
    own_kafka = LocalKafka(folder / "kafka") if kafka else None
    servers = [server for server in (own_redis, own_kafka) if server]
    try:
        start_together(servers)
    except ServiceError:
        for server in servers:  # the message names a log: that stays
            shutil.rmtree(server.data_dir, ignore_errors=True)
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield own_kafka.address if own_kafka else "", own_redis.address if own_redis else ""
    finally:
        stop_together(servers)
        shutil.rmtree(folder, ignore_errors=True)


def start_together(servers: Sequence[LocalServer]) -> None:
    """Start all side by side and wait for all; where one fails, stop all and raise its ServiceError."""
    try:
        for server in servers:
            server.begin()
        for server in servers:
            server.await_ready()
    except BaseException:
        stop_together(servers)
        raise


def stop_together(servers: Sequence[LocalServer]) -> None:
    """Stop all that were started."""
    for server in servers:
        server.stop()
