import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from schemas.exits import Exit
from stream.supervisor import supervise
from stream.worker_reports import Link
from tests.integration.service_commands import ended
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
LIVES = [sys.executable, "-c", "import signal; signal.pause()"]
DIES_SOON = [sys.executable, "-c", "import sys; sys.exit(5)"]

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(settings_env: dict[str, str], create_topics: Callable[..., None], tmp_path: Path) -> Iterator[Start]:
    """Start `run --workers 2` and wait until both of its workers have joined the group."""
    create_topics(actions=2, accounts=1, rejects=1)
    running: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "log"

    def begin() -> "subprocess.Popen[bytes]":
        with log.open("wb") as file:
            command = [sys.executable, "-m", "stream.cli", "run", "--workers", "2"]
            running.append(subprocess.Popen(command, cwd=ROOT, env=settings_env, stdout=file, stderr=file))
        wait_until(lambda: log.read_text().count('"started"') == 2, what="two started workers")
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def children(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def gone(processes: list[psutil.Process]) -> bool:
    return all(ended(one.pid) for one in processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_all_workers_and_has_done_its_work(start: Start, number: signal.Signals) -> None:
    process = start()
    workers = children(process)
    assert len(workers) == 2
    process.send_signal(number)
    assert process.wait(90) == Exit.DONE
    assert gone(workers)


def test_one_worker_that_dies_ends_all_as_failed(start: Start) -> None:
    process = start()
    first, *others = children(process)
    first.kill()
    assert process.wait(90) == Exit.FAILED
    assert gone(others)


def test_no_worker_outlives_a_killed_parent(start: Start) -> None:
    process = start()
    workers = children(process)
    process.kill()
    process.wait()
    wait_until(lambda: gone(workers), what="the end of both workers")


def test_a_worker_that_ends_by_itself_is_a_failure_whatever_it_says() -> None:
    assert supervise(DIES_SOON, threading.Event(), [Link(1)]) is Exit.FAILED
    assert supervise([sys.executable, "-c", ""], threading.Event(), [Link(1)]) is Exit.FAILED


def test_workers_that_are_told_to_stop_before_they_are_up_have_failed_nothing() -> None:
    stop = threading.Event()
    stop.set()
    assert supervise(LIVES, stop, [Link(1), Link(2)]) is Exit.DONE


def test_a_worker_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("stream.supervisor.STOP_SECONDS", 0.2)
    ready = tmp_path / "ready"
    code = (
        "import signal, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "pathlib.Path(sys.argv[1]).touch()\nwhile True: signal.pause()"
    )
    stop = threading.Event()

    def stop_once_ready() -> None:
        wait_until(ready.exists)
        stop.set()

    threading.Thread(target=stop_once_ready).start()
    started = time.monotonic()
    assert supervise([sys.executable, "-c", code, str(ready)], stop, [Link(1)]) is Exit.FAILED
    assert time.monotonic() - started < 45  # 60 s is how long a worker may take by itself
    assert not [one for one in psutil.Process(os.getpid()).children() if str(ready) in one.cmdline()]
