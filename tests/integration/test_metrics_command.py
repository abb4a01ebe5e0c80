"""One address for all processes of `run --workers N`, whatever becomes of them."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import pytest

from schemas.exits import Exit
from store.offsets import holders
from tests.integration.live import Live, action
from tests.integration.told import Told
from tests.support import wait_until

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r'"address": ?"([^"]+)"')


class Command:
    """`run --workers 2 --metrics-address` as its users start it."""

    def __init__(self, live: Live, log: Path) -> None:
        line = [sys.executable, "-m", "stream.cli", "run", "--workers", "2", "--metrics-address", "0"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(line, cwd=ROOT, env=live.environment, stdout=file, stderr=file)
        address = wait_until(lambda: ADDRESS.search(log.read_text()), what="the command's address")
        self.told = Told(address[1], live.settings.topic_prefix)

    def workers(self) -> list[psutil.Process]:
        """The processes in the order of their numbers."""
        return sorted(psutil.Process(self.process.pid).children(), key=lambda one: one.pid)

    def wait_shared(self, live: Live) -> None:
        """Wait until each worker has its half of the actions: workers are ready before they have shared."""

        def halves() -> bool:
            return sorted(Counter(owners(live, "actions").values()).values()) == [2, 2]

        self.told.wait_ready()  # all members are in the group from here on
        wait_until(halves, what="two halves")
        self.told.wait_ready()  # and have loaded what they got


def owners(live: Live, topic: str) -> dict[int, int]:
    """The process that owns each partition."""
    held, name = holders(live.admin, live.settings.group_id), live.settings.topic_prefix + topic
    return {slot.partition: int(one.client_id.rpartition("-")[2]) for slot, one in held.items() if slot.topic == name}


@contextmanager
def running(live: Live, log: Path) -> Iterator[Command]:
    command = Command(live, log)
    try:
        yield command
    finally:
        for worker in command.workers() if command.process.poll() is None else ():
            worker.kill()
        command.process.kill()
        command.process.wait()
        print(log.read_text())


@pytest.fixture
def two_busy(live: Live, tmp_path: Path) -> Iterator[Command]:
    """Two workers that have counted 10 events in each of 4 partitions."""
    live.topics(actions=4)
    often = live.given(ENGAGEMENT_KAFKA=json.dumps({"heartbeat.interval.ms": 300}))  # they share the sooner
    with running(often, tmp_path / "log") as command:
        command.wait_shared(live)
        for partition in range(4):
            live.produce([action()] * 10, partition=partition)
        for partition in range(4):
            command.told.wait_value("events_counted_total", 10, partition=partition)
        yield command


def test_one_address_shows_the_sum_of_both_workers(two_busy: Command) -> None:
    samples = two_busy.told.samples()
    assert samples["engagement_worker_processes"] == 2
    assert samples['engagement_worker_assigned_partitions{topic="actions"}'] == 4
    assert len([name for name in samples if name.startswith("engagement_worker_stored_offset")]) == 5
    assert samples['engagement_worker_checkpoint_seconds_count{topic="actions"}'] >= 4
    resident = [samples[f'engagement_worker_resident_memory_bytes{{worker="{n}"}}'] for n in (1, 2)]
    assert [worker.memory_info().rss for worker in two_busy.workers()] == pytest.approx(resident, rel=0.3)


def test_when_one_worker_dies_its_counts_stay_its_gauges_go_and_readiness_says_so(two_busy: Command) -> None:
    first, second = two_busy.workers()
    second.suspend()  # so that the command does not end before it was looked at
    first.kill()
    told = two_busy.told
    wait_until(lambda: any("worker 1: ended" in reason for reason in told.hindrances()), what="word of the end")
    samples = told.samples()
    assert samples["engagement_worker_processes"] == 1
    counted = [value for name, value in samples.items() if name.startswith("engagement_worker_events_counted_total")]
    assert sum(counted) == 40
    owned = samples['engagement_worker_assigned_partitions{topic="actions"}']
    shown = [name for name in samples if name.startswith("engagement_worker_stored_offset") and "actions" in name]
    assert len(shown) == owned < 4
    assert told.alive()
    assert "worker 2: does not say how it is" in told.hindrances()
    second.resume()
    assert two_busy.process.wait(90) == Exit.FAILED


def test_a_blocked_partition_is_shown_while_the_command_ends(two_busy: Command, live: Live) -> None:
    header = live.header(partition=2)
    assert header is not None
    owner = owners(live, "actions")[2]
    (other,) = (one for one in two_busy.workers() if one.pid != owner)
    other.suspend()  # so that the command does not end before it was looked at
    live.write(msgspec.structs.replace(header, topic_id="another"), partition=2)
    blocked = 'engagement_partition_blocked{partition="2",reason="other_topic",topic="actions"}'
    wait_until(lambda: two_busy.told.samples().get(blocked) == 1, what="the block")
    reasons = two_busy.told.hindrances()
    assert any(f"{live.slot(2)} is blocked: " in reason and "made anew" in reason for reason in reasons), reasons
    other.resume()
    assert two_busy.process.wait(90) == Exit.FAILED


def test_a_worker_that_is_frozen_as_a_whole_is_not_ready_and_in_the_end_dead(live: Live, tmp_path: Path) -> None:
    impatient = live.given(ENGAGEMENT_KAFKA=json.dumps({"max.poll.interval.ms": 12000, "session.timeout.ms": 12000}))
    impatient.topics()
    with running(impatient, tmp_path / "log") as command:
        command.told.wait_ready()
        worker = command.workers()[1]
        worker.suspend()
        wait_until(lambda: any("worker 2: does not say" in reason for reason in command.told.hindrances()))
        assert command.told.alive()
        wait_until(lambda: not command.told.alive(), what="its death")
        assert "worker 2: its loop has taken no step" in command.told.text("/livez")[1]
        worker.resume()
        wait_until(command.told.alive)


def test_a_command_that_is_told_to_stop_ends_with_its_address(two_busy: Command) -> None:
    two_busy.process.send_signal(signal.SIGTERM)
    assert two_busy.process.wait(90) == Exit.DONE


def test_an_address_that_is_taken_is_wrong_usage_and_no_worker_starts(live: Live) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = [sys.executable, "-m", "stream.cli", "run", "--workers", "2", "--metrics-address", address]
        done = subprocess.run(line, cwd=ROOT, env=live.environment, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith(f"error: cannot listen on {address}: Address already in use")
