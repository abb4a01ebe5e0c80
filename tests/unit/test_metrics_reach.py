"""What does not answer is named, with its address and without its password."""

from schemas.settings import Settings
from stream.reach import REMEMBERED_SECONDS, Reach

NOBODY = Settings(kafka_bootstrap_servers="127.0.0.1:1", redis_url="redis://:secret@127.0.0.1:2/0")


def test_both_answer(settings_env: dict[str, str]) -> None:
    there = Settings(
        kafka_bootstrap_servers=settings_env["KAFKA_BOOTSTRAP_SERVERS"], redis_url=settings_env["REDIS_URL"]
    )
    assert Reach(there).problems() == ()


def test_neither_answers() -> None:
    redis, kafka = Reach(NOBODY).problems()
    assert redis == "Redis at 127.0.0.1:2 does not answer: ConnectionError"
    assert kafka.startswith("Kafka at 127.0.0.1:1 does not answer: ")


def test_questions_that_come_together_get_one_answer() -> None:
    moments = [100.0]
    reach = Reach(NOBODY, lambda: moments[-1])
    first = reach.problems()
    assert reach.problems() is first
    moments.append(moments[-1] + REMEMBERED_SECONDS)
    assert reach.problems() is not first
