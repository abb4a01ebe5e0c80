"""Claims about the shell loop that starts the daily job in a container, under a clock of the test's own."""

import subprocess
from pathlib import Path

import pytest

DAILY_AT = Path(__file__).parents[2] / "deploy" / "daily-at"

# `date` answers the first moment on the list, `sleep` moves on to the next and ends the loop after the last.
DATE = """#!/bin/sh
set -- "$1" $(head -n 1 "$CLOCK")
[ "$1" = +%F ] && echo "$2" || echo "$3"
"""
SLEEP = """#!/bin/sh
sed -i 1d "$CLOCK"
[ -s "$CLOCK" ] || kill -TERM "$PPID"
"""


def runs(tmp_path: Path, *moments: str, code: int = 0) -> tuple[list[str], str]:
    """Return the moments at which the command ran while the clock showed `moments` one by one, and stderr."""
    clock, ran = tmp_path / "clock", tmp_path / "ran"
    clock.write_text("".join(f"{moment}\n" for moment in moments))
    ran.touch()
    for name, body in {
        "date": DATE,
        "sleep": SLEEP,
        "job": f'#!/bin/sh\nhead -n 1 "$CLOCK" >> "$RAN"\nexit {code}\n',
    }.items():
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CLOCK": str(clock), "RAN": str(ran)}
    ended = subprocess.run(
        [DAILY_AT, "00:30", "job"], env=environ, capture_output=True, text=True, timeout=20, check=True
    )
    return ran.read_text().splitlines(), ended.stderr


@pytest.mark.parametrize("started", ["0029", "0000"])
def test_started_before_the_time_it_runs_on_that_day(tmp_path: Path, started: str) -> None:
    assert runs(tmp_path, f"2026-03-01 {started}", "2026-03-01 0030", "2026-03-01 0031")[0] == ["2026-03-01 0030"]


@pytest.mark.parametrize("started", ["0030", "0845", "2359"])
def test_started_after_the_time_it_runs_first_on_the_next_day(tmp_path: Path, started: str) -> None:
    moments = (f"2026-03-01 {started}", "2026-03-02 0029", "2026-03-02 0030", "2026-03-02 0031", "2026-03-03 0030")
    assert runs(tmp_path, *moments)[0] == ["2026-03-02 0030", "2026-03-03 0030"]


def test_a_day_without_that_minute_is_run_at_the_next_minute_there_is(tmp_path: Path) -> None:
    assert runs(tmp_path, "2026-03-28 2359", "2026-03-29 0100")[0] == ["2026-03-29 0100"]


def test_a_failed_run_is_told_and_does_not_end_the_loop(tmp_path: Path) -> None:
    ran, said = runs(tmp_path, "2026-03-01 0000", "2026-03-01 0030", "2026-03-02 0030", code=3)
    assert len(ran) == 2
    assert said == "daily-at: 'job' ended with exit code 3\n" * 2
