"""What Kafka and Redis refuse for lack of a right. It does not pass by itself: a person has to grant it."""

import re

import redis
from confluent_kafka import KafkaError

from schemas.exits import Denied, Unavailable

_GRANT = "grant it, see docs/security.md for what each command needs"
_KAFKA = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_ANSWERS = (redis.ResponseError, redis.exceptions.BusyLoadingError)
"""What a Redis says that is there: that its memory is full, that it loads its data."""
# Redis 7.0 and newer ones say it differently; neither says which command of the script it was.
_IN_SCRIPT = re.compile(r"user executing the script can't|ACL failure in script")


def kafka_denial(error: KafkaError, right: str) -> Denied | None:
    """The error that names `right` ("Describe on topic T") where `error` is a refusal of it, else None."""
    if error.code() not in _KAFKA:
        return None
    return Denied(f"Kafka denies this user {right} ({error.str().rstrip('.')}); {_GRANT}")


def kafka_failure(error: KafkaError, what: str, right: str = "Describe") -> Denied | Unavailable:
    """The error of a question about `what` ("topic T") that the broker refused or gave no answer to."""
    return kafka_denial(error, f"{right} on {what}") or Unavailable(
        f"Kafka gave no answer for {what}: {error.str()}; see the broker, then run again"
    )


def read_failure(error: KafkaError, what: str, topic: str, group: str) -> Denied | Unavailable:
    """The error of a consumer of `topic` that cannot read `what`: the topic, or one partition of it."""
    return read_denial(error, topic, group) or Unavailable(f"{what} cannot be read: {error.str()}")


def read_denial(error: KafkaError, topic: str, group: str) -> Denied | None:
    """The same for an error of a consumer: it needs a right on what it reads and one on its group."""
    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return kafka_denial(error, f"its right on group {group}")
    return kafka_denial(error, f"Read on topic {topic}")


def redis_denial(error: Exception, what: object) -> Denied | None:
    """The error that quotes what Redis refuses, in using `what`, where `error` is such a refusal, else None."""
    said = str(error)
    if said == "EXEC without MULTI":  # the refusal of MULTI itself is lost in the driver
        said = "this user has no permissions to run the 'multi' command"
    if isinstance(error, redis.exceptions.NoPermissionError) or "no permissions" in said:
        return Denied(f"Redis denies this user a right on {what}: {said.rstrip('.')}; {_GRANT}")
    if _IN_SCRIPT.search(said):
        commands = "GET, GETRANGE, STRLEN, SETRANGE, SET or UNLINK"
        return Denied(
            f"Redis denies this user a command that the checkpoint of {what} runs ({commands}): {said}; {_GRANT}"
        )
    return None


def redis_failure(error: Exception, what: object, then: str = "") -> Denied | Unavailable:
    """The error of a question about `what` that Redis refused or gave no answer to. `then` ends it but for a denial."""
    happened = "refused a request" if isinstance(error, _ANSWERS) else "gave no answer"
    said = f"Redis {happened} for {what}: {type(error).__name__}: {error}{then}"
    return redis_denial(error, what) or Unavailable(said)
