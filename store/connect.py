"""Clients of Redis and Kafka, made from the settings. No message of this module holds a password.

The clients retry nothing by themselves: what is safe to repeat is known by the caller only.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.exits import ConfigurationError, EngagementError, Unavailable
from schemas.settings import Settings
from schemas.settings_fields import redis_place as place_of

REDIS_TIMEOUT_SECONDS = 5.0
WAIT_SECONDS = 30.0
_FIRST_ATTEMPT_SECONDS = 1.0
_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 0.25
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_HANGS_UP = re.compile("Disconnected|Broken pipe|(reset|closed) by (peer|server)")
_OTHER_CLIENTS = ", as of a listener for other clients: see security.protocol and sasl.mechanism in [kafka]"
"""What to think of connections that are taken and closed without a word."""

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
    _check_tls_files(pool.connection_kwargs)
    return client


def _check_tls_files(options: dict[str, Any]) -> None:
    """The driver would find a file that cannot be read at the first command, and then not name it."""
    for name in _TLS_FILES:
        path = options.get(name)
        if path and not os.access(path, os.R_OK):
            raise ConfigurationError(f"{name} in redis_url is {path}, which cannot be read; correct it in REDIS_URL")


def redis_place(settings: Settings) -> str:
    """Host and port (or socket path) of `redis_url`, without user, password and options."""
    return place_of(settings.redis_url)


def kafka_config(settings: Settings, **extra: object) -> dict[str, Any]:
    """Client settings: those of `settings.kafka` first, then ours, then `extra` (dotted names by `**{...}`).

    librdkafka's own log goes to the logger "librdkafka"; without that it writes to stderr beside our one-line errors.
    """
    ours = {"bootstrap.servers": settings.kafka_bootstrap_servers, "logger": _librdkafka_log}
    return {**settings.kafka, **ours, **extra}


class _Heard:
    """The last thing that librdkafka said went wrong: its calls themselves say only that there was no answer."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  librdkafka's public name; it says nothing of why
            self.last = error


class Admin(AdminClient):
    """An admin client; `heard` is filled by its `poll`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.heard = _Heard()
        listening: dict[str, Any] = {**config, "error_cb": self.heard.note}
        super().__init__(listening)


def kafka_admin(settings: Settings) -> Admin:
    """An admin client. Raises ConfigurationError where librdkafka refuses a setting."""
    return _opened(Admin, kafka_config(settings))


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

    Raises Unavailable after `seconds` without an answer. At once: ConfigurationError where Redis refuses the login,
    EngagementError where it denies this user PING or shows a certificate that is not trusted.
    """
    place = redis_place(settings)
    deadline = clock() + seconds
    while True:
        try:
            client.ping()
        except redis.exceptions.NoPermissionError as error:
            message = f"Redis denies this user PING at {place} ({error}); grant it, see docs/security.md"
            raise EngagementError(message) from error
        except redis.AuthenticationError as error:
            message = f"Redis at {place} refused the login; check user and password in REDIS_URL"
            raise ConfigurationError(message) from error
        except (redis.RedisError, OSError) as error:
            reason = f"{type(error).__name__}: {_without_arguments(str(error))}".rstrip(".")
            if "CERTIFICATE_VERIFY_FAILED" in reason:
                message = f"Redis at {place} is not trusted: {reason}; renew its certificate or set ssl_ca_certs"
                raise EngagementError(f"{message} in REDIS_URL") from None
            if clock() >= deadline:
                if settings.redis_url.startswith("redis:") and _HANGS_UP.search(reason):
                    reason += ", as one does that wants TLS (rediss://)"
                raise Unavailable(_not_reachable("Redis", place, seconds, reason, "REDIS_URL")) from None
            sleep(_PAUSE_SECONDS)
        else:
            return


def _without_arguments(said: str) -> str:
    """Cut what a Redis that does not know a command quotes of it: of HELLO and AUTH that is the password."""
    return said.partition(", with args beginning with")[0]


def wait_for_kafka(
    admin: Admin,
    settings: Settings,
    seconds: float = WAIT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return once a broker answers.

    Raises Unavailable after `seconds` without an answer. At once: ConfigurationError where Kafka refuses the login,
    EngagementError where it shows a certificate that is not trusted.
    """
    deadline = clock() + seconds
    attempt = _FIRST_ATTEMPT_SECONDS
    while True:
        left = deadline - clock()
        try:
            # A name keeps the answer small: a cluster may hold thousands of topics.
            admin.list_topics(settings.topics.runs, timeout=min(max(left, 0.1), attempt))
        except KafkaException as error:
            with _unlogged():
                admin.poll(0)
            heard = admin.heard.last
            _give_up_on(heard, settings)
            if clock() >= deadline:
                place = settings.kafka_bootstrap_servers
                reason = _said(heard or error.args[0])
                if heard is None or _HANGS_UP.search(reason):
                    reason += _OTHER_CLIENTS
                raise Unavailable(_not_reachable("Kafka", place, seconds, reason, "KAFKA_BOOTSTRAP_SERVERS")) from error
            attempt = min(2 * attempt, _ATTEMPT_SECONDS)
        else:
            return


@contextmanager
def _unlogged() -> Iterator[None]:
    """What the client logs of every attempt comes with the poll; the last of it will stand in the error's one line."""
    before = _librdkafka_log.level
    _librdkafka_log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        _librdkafka_log.setLevel(before)


def _give_up_on(heard: KafkaError | None, settings: Settings) -> None:
    """Raise for what waiting does not heal."""
    place = settings.kafka_bootstrap_servers
    said = _said(heard) if heard else ""
    if "SASL authentication error" in said or "mechanism handshake failed" in said:
        message = f"Kafka at {place} refused the login: {said}; check sasl.* in [kafka] or ENGAGEMENT_KAFKA"
        raise ConfigurationError(message)
    if re.search("alert .*certificate|alert unknown ca", said):
        message = f"Kafka at {place} refused the client certificate: {said}; check ssl.certificate.location"
        raise ConfigurationError(f"{message} and ssl.key.location in [kafka] or ENGAGEMENT_KAFKA")
    if "certificate verify failed" in said:
        message = (
            f"Kafka at {place} is not trusted: {said}; renew its certificate if it ran out, else set ssl.ca.location"
        )
        raise EngagementError(message)


def _said(error: KafkaError) -> str:
    """What librdkafka says, without how long it took in which of its states."""
    return re.sub(r" \(after \S+ in state \w+.*\)$", "", error.str())


def _not_reachable(what: str, place: str, seconds: float, reason: str, setting: str) -> str:
    return f"{what} at {place} not reachable for {seconds:g} s: {reason}; start it or set {setting}"
