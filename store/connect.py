"""Clients of Redis and Kafka, made from the settings. No message of this module holds a password.

The clients retry nothing by themselves: what is safe to repeat is known by the caller only.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.exits import ConfigurationError, Unavailable
from schemas.settings import Settings
from schemas.settings_fields import redis_place as place_of

REDIS_TIMEOUT_SECONDS = 5.0
WAIT_SECONDS = 30.0
_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 0.25

_librdkafka_log = logging.getLogger("librdkafka")
# Where nobody configures logs, its warnings stay out of stderr: a command says in one line what its error was.
_librdkafka_log.addHandler(logging.NullHandler())

Client = TypeVar("Client")


def connect_redis(settings: Settings, timeout: float | None = None) -> redis.Redis:
    """A client that has not connected yet and waits so many seconds for an answer, else REDIS_TIMEOUT_SECONDS.

    Raises ConfigurationError where `redis_url` cannot be used.
    """
    seconds = REDIS_TIMEOUT_SECONDS if timeout is None else timeout
    try:
        client = redis.Redis.from_url(
            settings.redis_url,
            decode_responses=False,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )
        # Options that no connection takes would only be found at the first command.
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, redis.RedisError):
        # What the driver says quotes parts of the address, so it is neither shown nor kept as the cause.
        message = f"redis_url ({redis_place(settings)}) cannot be used; set REDIS_URL like redis://host:6379/0"
        raise ConfigurationError(f"{message}, and check its options after ?") from None
    return client


def redis_place(settings: Settings) -> str:
    """Host and port (or socket path) of `redis_url`, without user, password and options."""
    return place_of(settings.redis_url)


def kafka_config(settings: Settings, **extra: object) -> dict[str, Any]:
    """Client settings: those of `settings.kafka` first, then ours, then `extra` (dotted names by `**{...}`).

    librdkafka's own log goes to the logger "librdkafka"; without that it writes to stderr beside our one-line errors.
    """
    ours = {"bootstrap.servers": settings.kafka_bootstrap_servers, "logger": _librdkafka_log}
    return {**settings.kafka, **ours, **extra}


def kafka_admin(settings: Settings) -> AdminClient:
    """An admin client. Raises ConfigurationError where librdkafka refuses a setting."""
    return _opened(AdminClient, kafka_config(settings))


def kafka_consumer(settings: Settings, **extra: object) -> Consumer:
    """A consumer of committed records that stores no offsets in Kafka. Raises ConfigurationError as `kafka_admin`."""
    fixed = {"isolation.level": "read_committed", "enable.auto.commit": False, "auto.offset.reset": "error"}
    return _opened(Consumer, kafka_config(settings, **{**fixed, **extra}))


def kafka_producer(settings: Settings, **extra: object) -> Producer:
    """An idempotent producer. Raises ConfigurationError as `kafka_admin`."""
    return _opened(Producer, kafka_config(settings, **{"enable.idempotence": True, **extra}))


def _opened(make: Callable[[dict[str, Any]], Client], config: dict[str, Any]) -> Client:
    try:
        return make(config)
    except KafkaException as error:
        message = f"Kafka client settings: {error.args[0].str()}; correct it in [kafka] or ENGAGEMENT_KAFKA"
        raise ConfigurationError(message) from error


def wait_for_redis(
    client: redis.Redis,
    settings: Settings,
    seconds: float = WAIT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once Redis answers, loading included.

    Raises Unavailable after `seconds` without an answer, ConfigurationError at once where Redis refuses the login.
    """
    place = redis_place(settings)
    deadline = clock() + seconds
    while True:
        try:
            client.ping()
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
            message = f"Redis at {place} refused the login; check user and password in REDIS_URL"
            raise ConfigurationError(message) from error
        except (redis.RedisError, OSError) as error:
            if clock() >= deadline:
                reason = f"{type(error).__name__}: {_without_arguments(str(error))}".rstrip(".")
                raise Unavailable(_not_reachable("Redis", place, seconds, reason, "REDIS_URL")) from None
            sleep(_PAUSE_SECONDS)
        else:
            return


def _without_arguments(said: str) -> str:
    """Cut what a Redis that does not know a command quotes of it: of HELLO and AUTH that is the password."""
    return said.partition(", with args beginning with")[0]


def wait_for_kafka(
    admin: AdminClient,
    settings: Settings,
    seconds: float = WAIT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return once a broker answers. Raises Unavailable after `seconds` without an answer."""
    deadline = clock() + seconds
    while True:
        left = deadline - clock()
        try:
            # A name keeps the answer small: a cluster may hold thousands of topics.
            admin.list_topics(settings.topics.runs, timeout=min(max(left, 0.1), _ATTEMPT_SECONDS))
        except KafkaException as error:
            if clock() >= deadline:
                place = settings.kafka_bootstrap_servers
                reason = error.args[0].str()
                raise Unavailable(_not_reachable("Kafka", place, seconds, reason, "KAFKA_BOOTSTRAP_SERVERS")) from error
        else:
            return


def _not_reachable(what: str, place: str, seconds: float, reason: str, setting: str) -> str:
    return f"{what} at {place} not reachable for {seconds:g} s: {reason}; start it or set {setting}"
