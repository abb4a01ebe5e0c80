"""Whether Kafka and Redis answer, asked whenever somebody wants to know."""

import threading
import time
from collections.abc import Callable

import redis
from confluent_kafka import KafkaException

from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin, redis_place

ANSWER_SECONDS = 1.0
REMEMBERED_SECONDS = 1.0
"""Questions that come together get one answer."""


class Reach:
    """Has clients of its own, as those of a worker may be busy. For any thread."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._redis = connect_redis(settings, ANSWER_SECONDS)
        self._admin = kafka_admin(settings)
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._problems: tuple[str, ...] | None = None

    def problems(self) -> tuple[str, ...]:
        """What does not answer, and with which error; nothing where both do."""
        with self._lock:
            if self._problems is None or self._clock() - self._asked_at >= REMEMBERED_SECONDS:
                found = (self._redis_problem(), self._kafka_problem())
                self._problems = tuple(problem for problem in found if problem is not None)
                self._asked_at = self._clock()
            return self._problems

    def _redis_problem(self) -> str | None:
        try:
            self._redis.ping()
        except (redis.RedisError, OSError) as error:
            return f"Redis at {redis_place(self._settings)} does not answer: {type(error).__name__}"
        return None

    def _kafka_problem(self) -> str | None:
        try:
            self._admin.list_topics(self._settings.topics.runs, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            return f"Kafka at {self._settings.kafka_bootstrap_servers} does not answer: {error.args[0].str()}"
        return None
