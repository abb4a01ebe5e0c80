"""Claims about the local services themselves: what a person sees when they start, fail and stop."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from confluent_kafka import Consumer, Message, Producer

from services import leash
from services.errors import ServiceError
from services.find import Addresses, running
from services.jars import jars
from services.kafka import LocalKafka
from services.redis import LocalRedis
from tests.integration.service_commands import PROJECT, ended, run_services
from tests.support import create_topics, wait_until

OLD_MS = 1_000_000_000_000  # 2001


def without_addresses() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}}


def produce_one(address: str, topic: str, value: bytes, timestamp_ms: int = 0) -> None:
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 20_000_000})
    refused = []
    producer.produce(
        topic, value, timestamp=timestamp_ms, on_delivery=lambda error, _: refused.append(error) if error else None
    )
    assert producer.flush(30) == 0
    assert not refused


def read_one(address: str, topic: str) -> Message:
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        return wait_until(lambda: consumer.poll(0.1))
    finally:
        consumer.close()


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_kafka_keeps_topics_and_records_over_a_crash_and_answers_on_the_same_port(
    local_kafka: Callable[[], LocalKafka],
) -> None:
    server = local_kafka()
    address = server.address
    create_topics(address, {"t": 1})
    produce_one(address, "t", b"kept")
    server.kill()
    server.start()
    assert server.address == address
    assert read_one(address, "t").value() == b"kept"


def test_kafka_takes_records_with_old_stamps_and_of_many_megabytes(kafka: str, prefix: str) -> None:
    create_topics(kafka, {f"{prefix}t": 1})
    produce_one(kafka, f"{prefix}t", b"x" * 15_000_000, OLD_MS)
    read = read_one(kafka, f"{prefix}t")
    assert len(read.value() or b"") == 15_000_000
    assert read.timestamp()[1] == OLD_MS


def test_redis_keeps_what_was_written_over_a_stop_and_evicts_nothing(local_redis: Callable[[], LocalRedis]) -> None:
    server = local_redis()
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("key", b"kept")
        server.stop()
        server.start()
        assert client.get("key") == b"kept"


def test_two_servers_of_a_test_share_nothing(local_redis: Callable[[], LocalRedis]) -> None:
    one, other = local_redis(), local_redis()
    assert one.port != other.port
    assert one.data_dir != other.data_dir


@pytest.mark.parametrize("kind", [LocalRedis, LocalKafka])
def test_a_busy_port_is_one_error_that_names_the_log_and_its_last_lines(
    kind: type[LocalRedis | LocalKafka], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        server = kind(tmp_path / "server", busy.getsockname()[1])
        with pytest.raises(ServiceError, match="ended at start") as refused:
            server.start()
    assert str(server.log) in str(refused.value)
    assert "ddress already in use" in str(refused.value)


def test_addresses_in_the_environment_are_taken_as_they_are() -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "broker.example:9092", "REDIS_URL": "redis://redis.example/3"}
    with running(given) as addresses:
        assert addresses == Addresses("broker.example:9092", "redis://redis.example/3")


def test_only_what_the_environment_does_not_name_is_started() -> None:
    with running({"KAFKA_BOOTSTRAP_SERVERS": "broker.example:9092"}) as addresses:
        assert addresses.kafka == "broker.example:9092"
        with redis.Redis.from_url(addresses.redis) as client:
            assert client.ping()


def test_neither_docker_nor_maven_is_one_line_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ServiceError, match=r"^Neither Docker nor Maven found: .*$"):
        jars()


def test_run_exports_both_addresses_passes_on_the_exit_code_and_leaves_no_process() -> None:
    script = "import os; print(os.environ['KAFKA_BOOTSTRAP_SERVERS'], os.environ['REDIS_URL'], flush=True); input()"
    command = f"{script}; raise SystemExit(7)"
    started = subprocess.Popen(
        [sys.executable, "-m", "services", "run", "--", sys.executable, "-c", command],
        cwd=PROJECT,
        env=without_addresses(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    kafka, url = started.stdout.readline().split()
    assert kafka.startswith("127.0.0.1:")
    with redis.Redis.from_url(url) as client:
        assert client.ping()
    family = children_of(started.pid)
    assert len(family) >= 2
    started.communicate("\n")
    assert started.returncode == 7
    assert all(ended(process.pid) for process in family)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_run_passes_signals_to_the_command_and_waits_for_it(sent: signal.Signals) -> None:
    command = (
        "import signal, sys\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda number, _: sys.exit(40 + number))\n"
        "print('up', flush=True)\n"
        "signal.pause()\n"
    )
    given = {"KAFKA_BOOTSTRAP_SERVERS": "unused:1"}
    started = run_services("run", "--", sys.executable, "-c", command, environ=given)
    assert started.stdout is not None
    assert started.stdout.readline() == "up\n"
    started.send_signal(sent)
    started.communicate(timeout=60)
    assert started.returncode == 40 + sent


def test_servers_and_command_end_when_run_is_killed_hard(tmp_path: Path) -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "unused:1", "TMPDIR": str(tmp_path)}
    started = run_services("run", "--", sys.executable, "-c", "print(flush=True); input()", environ=given)
    assert started.stdout is not None
    started.stdout.readline()
    family = children_of(started.pid)
    assert family
    started.kill()
    started.communicate()
    wait_until(lambda: all(ended(process.pid) for process in family))


def test_run_names_a_command_that_does_not_exist_before_it_starts_anything() -> None:
    started = run_services("run", "--", "no-such-command")
    _, complaint = started.communicate(timeout=60)
    assert started.returncode == 127
    assert complaint == "error: no such command: no-such-command\n"


def test_the_leash_does_not_start_what_has_no_parent_any_more() -> None:
    stranger = 2**22 + 1  # above every process number
    leashed = subprocess.run(
        [sys.executable, leash.__file__, str(stranger), "9", "true"], capture_output=True, check=False
    )
    assert leashed.returncode == -signal.SIGKILL
