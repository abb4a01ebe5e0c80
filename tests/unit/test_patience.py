import pytest

from schemas.exits import Blocked, Unavailable
from store.patience import ask_patiently


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_question_is_asked_again_until_there_is_an_answer() -> None:
    time = Time()

    def ask() -> str:
        if time.now < 5:
            raise Unavailable("not now")
        return "answer"

    assert ask_patiently(ask, 10, lambda: time.now, time.sleep) == "answer"


def test_the_last_refusal_is_raised_when_the_time_is_over() -> None:
    time = Time()

    def ask() -> None:
        raise Unavailable(f"not at {time.now:.0f}")

    with pytest.raises(Unavailable, match="not at 10"):
        ask_patiently(ask, 10, lambda: time.now, time.sleep)


def test_what_does_not_pass_by_itself_is_raised_at_once() -> None:
    time = Time()

    def ask() -> None:
        raise Blocked("for a person to decide")

    with pytest.raises(Blocked):
        ask_patiently(ask, 10, lambda: time.now, time.sleep)
    assert time.now == 0
