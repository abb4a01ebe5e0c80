"""The proxy has to do to Redis what the fault tests say it does."""

from collections.abc import Callable

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.redis import LocalRedis
from tests.faults.proxy import RedisProxy
from tests.support import wait_until

ADD_ONE = "return redis.call('INCR', KEYS[1])"


def test_a_lost_reply_is_of_a_write_that_landed(local_redis: Callable[[], LocalRedis]) -> None:
    own = local_redis()
    with RedisProxy(own.port) as proxy, redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0)) as client:
        assert client.eval(ADD_ONE, 1, "n") == 1
        proxy.lose_replies(1)
        client.ping()
        with pytest.raises(redis.ConnectionError):
            client.eval(ADD_ONE, 1, "n")
        assert client.eval(ADD_ONE, 1, "n") == 3
        assert proxy.lost == 1


def test_a_late_reply_comes_after_the_delay(local_redis: Callable[[], LocalRedis]) -> None:
    own = local_redis()
    with (
        RedisProxy(own.port) as proxy,
        redis.Redis.from_url(proxy.url, socket_timeout=2.0, retry=Retry(NoBackoff(), 0)) as impatient,
        redis.Redis.from_url(proxy.url) as client,
    ):
        impatient.ping()  # connected: what takes too long below is the reply
        proxy.delay = 60.0
        with pytest.raises(redis.TimeoutError):
            impatient.eval(ADD_ONE, 1, "n")
        wait_until(lambda: proxy.delayed, what="a late reply")
        proxy.delay = 0.0
        assert client.eval(ADD_ONE, 1, "n") == 2


def test_a_redis_that_is_down_refuses_through_the_proxy_and_comes_back(local_redis: Callable[[], LocalRedis]) -> None:
    own = local_redis()
    with RedisProxy(own.port) as proxy, redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0)) as client:
        client.set("a", "b")
        own.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("a")
        own.start()
        assert client.get("a") == b"b"
