"""What `engagement-stream lag` and `top` say while Kafka or Redis are not there at start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.redis import LocalRedis
from services.server import free_port
from tests.integration.live import Live

ROOT = Path(__file__).parents[2]
COMMANDS = [("lag",), ("top", "--once")]


@contextmanager
def started(live: Live, *command: str) -> Iterator["subprocess.Popen[str]"]:
    line = [sys.executable, "-m", "stream.cli", *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, env=live.environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_word(process: "subprocess.Popen[str]") -> str:
    """The first line on stderr, which is there before the command ends; the test's timeout is the deadline."""
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_while_kafka_is_away_they_say_what_they_wait_for(live: Live, command: tuple[str, ...]) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with started(live.given(KAFKA_BOOTSTRAP_SERVERS=nowhere), *command) as process:
        assert first_word(process) == f"waiting for Kafka at {nowhere}\n"
        assert process.poll() is None


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_while_redis_is_away_they_say_so_without_its_password_and_go_on_once_it_is_there(
    fragile: Live, own_redis: LocalRedis, command: tuple[str, ...]
) -> None:
    fragile.topics()
    own_redis.kill()
    secret = fragile.given(REDIS_URL=own_redis.url.replace("redis://", "redis://default:hush@"))
    with started(secret, *command) as process:
        assert first_word(process) == f"waiting for Redis at 127.0.0.1:{own_redis.port}\n"
        assert process.poll() is None
    with started(fragile, *command) as process:
        first_word(process)
        own_redis.start()
        out, more = process.communicate(timeout=60)
    assert (process.returncode, more) == (0, "")
    assert "actions" in out
