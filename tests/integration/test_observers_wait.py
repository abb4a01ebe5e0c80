"""What `engagement-stream lag` and `top` say on a terminal while Kafka or Redis are not there at start."""

import pytest

from services.redis import LocalRedis
from services.server import free_port
from tests.integration.live import Live
from tests.integration.terminal import terminal
from tests.support import wait_until

COMMANDS = [("lag",), ("top", "--once")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_while_kafka_is_away_they_say_what_they_wait_for(live: Live, command: tuple[str, ...]) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with terminal(live.given(KAFKA_BOOTSTRAP_SERVERS=nowhere), *command) as screen:
        wait_until(lambda: screen.shows(f"waiting for Kafka at {nowhere}\r\n".encode()), what="the word")
        assert screen.process.poll() is None


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_while_redis_is_away_they_say_so_without_its_password_and_go_on_once_it_is_there(
    fragile: Live, own_redis: LocalRedis, command: tuple[str, ...]
) -> None:
    fragile.topics()
    own_redis.kill()
    waiting = f"waiting for Redis at 127.0.0.1:{own_redis.port}\r\n".encode()
    secret = fragile.given(REDIS_URL=own_redis.url.replace("redis://", "redis://default:hush@"))
    with terminal(secret, *command) as screen:
        wait_until(lambda: screen.shows(waiting), what="the word")
        assert screen.process.poll() is None
        assert "hush" not in screen.seen
    with terminal(fragile, *command) as screen:
        wait_until(lambda: screen.shows(waiting), what="the word")
        own_redis.start()
        wait_until(lambda: screen.shows(b"actions"), what="the partitions")
        assert screen.process.wait(60) == 0
