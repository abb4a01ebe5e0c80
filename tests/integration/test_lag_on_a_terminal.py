"""`engagement-stream lag` where stdout is a terminal."""

import msgspec

from tests.integration.live import Live
from tests.integration.terminal import terminal
from tests.support import wait_until


def test_on_a_terminal_the_status_is_colored_and_words_are_whole(counted_100: Live) -> None:
    header = counted_100.header()
    assert header is not None
    counted_100.write(msgspec.structs.replace(header, next_offset=130))
    counted_100.wait_left()
    with terminal(counted_100, "lag", columns=80) as lag:
        wait_until(lambda: lag.shows(b"--topic actions"), what="the way out")
        assert lag.process.wait(60) == 0
        wait_until(lambda: lag.shows(b"rebuild"), what="the rest of it")
    assert "\x1b[31mSTOPPED" in lag.seen
    assert "\x1b[31mNO_OWNER" in lag.seen
    assert "accept-gap" in lag.seen
