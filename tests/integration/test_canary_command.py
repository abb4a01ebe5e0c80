"""`engagement-stream canary` as a command: one check, wrong usage, and how it stops."""

import subprocess
import sys
import threading
import time

import pytest

from schemas.exits import EngagementError
from stream.canary import once
from stream.canary.once import check_once
from tests.integration.flown import ROOT, Flown, command, prepare
from tests.integration.live import Live, action
from tests.support import wait_until


def test_one_check_says_what_came_out(live: Live) -> None:
    prepare(live, actions=2)
    with live.worker():
        done = command(live, "canary", "--once")
    assert done.returncode == 0, done.stderr
    assert [line.partition(", in ")[0] for line in done.stdout.splitlines()] == [
        f"{live.slot(partition)}: 2 events counted" for partition in range(2)
    ]


def test_one_check_fails_where_nothing_is_counted(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(live)
    monkeypatch.setattr(once, "SECONDS", 2.0)
    flown = Flown(live)
    flown.canary.start()
    with pytest.raises(EngagementError, match=rf"{live.slot()} not counted within 2 s; `engagement-stream lag` says"):
        list(check_once(flown.canary, 0.1, time.monotonic, time.sleep))


def test_one_check_fails_where_events_are_rejected(live: Live) -> None:
    prepare(live)
    live.produce([action("first")])
    with live.given(ENGAGEMENT_MAX_ACCOUNTS="1").worker():
        live.wait_stored(1)
        done = command(live, "canary", "--once")
    assert (done.returncode, "1 fewer than the canary sent" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--account", ""], "--account has 0 characters; give 1 to 256"),
        (["--account", "x" * 257], "--account has 257 characters; give 1 to 256"),
        (["--once", "--metrics-address", "9310"], "--once ends too soon to be scraped"),
        (["--metrics-address", "here"], "no address to listen on"),
        (["--interval", "0"], "--interval"),
    ],
)
def test_wrong_usage_is_one_clear_line(live: Live, arguments: list[str], said: str) -> None:
    done = command(live, "canary", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_it_stops_on_sigterm(live: Live) -> None:
    prepare(live)
    line = [sys.executable, "-m", "stream.cli", "canary", "--interval", "1", "--metrics-address", "0"]
    with live.worker():
        started = subprocess.Popen(line, cwd=ROOT, env=live.environment, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: (live.next_offset() or 0) >= 1, what="its first event")
        finally:
            started.terminate()
            overdue = threading.Timer(60, started.kill)
            overdue.start()
            _, said = started.communicate()
            overdue.cancel()
    assert started.returncode == 0, said
