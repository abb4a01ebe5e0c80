"""What all transactions of ours have in common: how they are committed, given up, and said to have gone wrong."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

ABORT_SECONDS = 10.0
FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)  # noqa: SLF001  librdkafka's public name
"""Errors that say that a newer producer of the same transactional id has taken over."""


def commit(producer: Producer, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Commit, again where Kafka says that it may be tried again, until ``seconds`` are over. Raises KafkaException."""
    deadline = clock() + seconds
    while True:
        try:
            producer.commit_transaction(max(deadline - clock(), 0.1))
        except KafkaException as error:
            if not error.args[0].retriable() or clock() >= deadline:
                raise
        else:
            return


def abort(producer: Producer) -> None:
    """End the transaction, if it still can be; else the next producer of its id or the broker's time limit does."""
    try:
        producer.abort_transaction(ABORT_SECONDS)
    except KafkaException:
        producer.purge()


def cause(producer: Producer, error: KafkaException) -> KafkaException:
    """Why a transaction takes no more records: that is said only to who commits it, which it then cannot be."""
    if error.args[0].code() == KafkaError._STATE:  # noqa: SLF001  librdkafka's public name
        try:
            producer.commit_transaction(0.1)
        except KafkaException as why:
            return why
    return error
