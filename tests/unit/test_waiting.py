import io
import threading
from contextlib import redirect_stderr

import pytest

from store.waiting import said_if_slow
from tests.support import wait_until


class Screen(io.StringIO):
    """A terminal's."""

    def isatty(self) -> bool:
        return True


def test_what_takes_long_is_said_once_while_it_lasts() -> None:
    with redirect_stderr(Screen()) as heard, said_if_slow("waiting for Redis at cache:6379", seconds=0.01):
        wait_until(heard.getvalue, what="the word")
    assert heard.getvalue() == "waiting for Redis at cache:6379\n"


def test_what_is_quick_needs_no_word_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())  # of which those of earlier tests may end meanwhile
    with redirect_stderr(Screen()) as heard, said_if_slow("waiting", seconds=600):
        pass
    assert (heard.getvalue(), set(threading.enumerate()) - before) == ("", set())


def test_what_fails_is_not_waited_for_any_more() -> None:
    with (
        redirect_stderr(Screen()) as heard,
        pytest.raises(ValueError, match="no"),
        said_if_slow("waiting", seconds=600),
    ):
        raise ValueError("no")
    assert heard.getvalue() == ""


def test_a_script_gets_no_word() -> None:
    before = set(threading.enumerate())
    with redirect_stderr(io.StringIO()) as heard, said_if_slow("waiting", seconds=0.0):
        assert not set(threading.enumerate()) - before
    assert heard.getvalue() == ""
