"""Settings that do not fit the servers end a command in one line that says what is wrong, without any secret."""

from collections.abc import Mapping

import pytest

from tests.security.mistakes import MISTAKES, Attempt

pytestmark = pytest.mark.timeout(600)  # the first of them waits for servers, and for commands that all start at once

BOUND_SECONDS = 30.0
STARTING_SECONDS = 60.0
"""How long many commands that start at once, on a busy machine, may take for what they do before and after."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line_within_the_bound(mistaken: Mapping[str, Attempt], name: str) -> None:
    attempt = mistaken[name]
    done, seconds = attempt.done.result()
    assert (done.code, done.out) == (attempt.mistake.code, ""), done.err
    # A worker's log comes before its error.
    said = done.err.splitlines()[-1] if "run" in attempt.mistake.command else done.error
    assert "Traceback" not in done.err
    assert said.startswith("error: ")
    assert [part for part in attempt.mistake.said if part not in said] == [], said
    assert seconds < BOUND_SECONDS + STARTING_SECONDS
