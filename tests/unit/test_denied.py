"""Whether Redis said no or said nothing is told apart."""

import pytest
import redis

from schemas.exits import Denied, Unavailable
from store.denied import redis_failure


@pytest.mark.parametrize(
    "error",
    [
        redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        redis.exceptions.ReadOnlyError("You can't write against a read only replica."),
        redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_a_redis_that_answers_with_an_error_refused(error: redis.RedisError) -> None:
    found = redis_failure(error, "t.actions/3")
    assert isinstance(found, Unavailable)
    assert str(found) == f"Redis refused a request for t.actions/3: {type(error).__name__}: {error}"


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), redis.TimeoutError("late"), OSError("gone")])
def test_a_redis_that_is_not_heard_gave_no_answer(error: Exception) -> None:
    said = str(redis_failure(error, "t.actions/3", "; run again"))
    assert said == f"Redis gave no answer for t.actions/3: {type(error).__name__}: {error}; run again"


def test_a_right_that_is_lacking_is_neither() -> None:
    assert isinstance(redis_failure(redis.exceptions.NoPermissionError("no"), "t.actions/3"), Denied)
