"""Kafka and Redis in containers, for machines where Docker answers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import ServiceError
from services.jars import kafka_version
from services.kafka import SETTINGS
from services.server import free_port

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

REDIS_IMAGE = "redis:8-alpine"
# As docker-compose.yml publishes them.
COMPOSE_KAFKA = "127.0.0.1:9092"
COMPOSE_REDIS = "redis://127.0.0.1:6379/0"

_COMPOSE_FILE = Path(__file__).parent.parent / "docker-compose.yml"
_ANSWER_SECONDS = 15
_READY_SECONDS = 120


def answers() -> bool:
    """Whether there is a Docker that does what it is told."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=_ANSWER_SECONDS, check=False)  # noqa: S607
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


@contextmanager
def containers(*, kafka: bool, redis: bool) -> Iterator[tuple[str, str]]:
    """Give the addresses of the containers asked for (empty where not), which end with this process.

    Raises ServiceError where one does not start.
    """
    started: list[DockerContainer] = []
    try:
        kafka_address = _start_kafka(started) if kafka else ""
        redis_address = _start_redis(started) if redis else ""
        yield kafka_address, redis_address
    finally:
        for container in started:
            container.stop()


def compose(*arguments: str) -> None:
    """Run `docker compose` on the project's file, its words on stderr. Raises ServiceError where it fails."""
    command = ["docker", "compose", "--file", str(_COMPOSE_FILE), *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if ended.returncode != 0:
        raise ServiceError(f"`{' '.join(command)}` failed with exit code {ended.returncode}; its words are above.")


def _start_kafka(started: list["DockerContainer"]) -> str:
    port = free_port()  # chosen before the start: the broker has to tell clients where it is
    settings = SETTINGS | {
        "listeners": "PLAINTEXT://:9092,CONTROLLER://localhost:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": "1@localhost:9093",
    }
    variables = {f"KAFKA_{key.upper().replace('.', '_')}": str(value) for key, value in settings.items()}
    kafka = _container(f"apache/kafka:{kafka_version()}").with_bind_ports(9092, port).with_envs(**variables)
    _start(started, kafka, "Kafka Server started")
    return f"127.0.0.1:{port}"


def _start_redis(started: list["DockerContainer"]) -> str:
    port = free_port()
    command = ["redis-server", "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    redis = _container(REDIS_IMAGE).with_bind_ports(6379, port).with_command(command)
    _start(started, redis, "Ready to accept connections")
    return f"redis://127.0.0.1:{port}/0"


def _container(image: str) -> "DockerContainer":
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only machines with Docker need it

    return DockerContainer(image)


def _start(started: list["DockerContainer"], container: "DockerContainer", ready_line: str) -> None:
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415 - as above

    started.append(container)
    try:
        container.waiting_for(LogMessageWaitStrategy(ready_line).with_startup_timeout(_READY_SECONDS)).start()
    except Exception as error:
        raise ServiceError(f"Docker could not start {container.image}: {error}") from error
