"""`python -m tests.bench [--events N] [--slow-seconds S] [--accounts N]`: what an event costs, layer by layer.

Needs KAFKA_BOOTSTRAP_SERVERS and REDIS_URL of servers on this machine (`make bench` starts them).
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
import redis
from confluent_kafka import Producer

from schemas.settings import load_settings
from store.connect import kafka_admin
from store.layout import SlotName
from store.offsets import log_bounds
from store.slots import SlotStore
from tests.bench.load import Load, bytes_of_one
from tests.bench.start import measure_start
from tests.support import create_topics, delete_topics, wait_until

STAGES = ("consume", "decode", "fold", "pipeline")
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Meter:
    """CPU seconds of the broker and Redis, and bytes that went into Redis, so far."""

    broker: float
    redis: float
    sent: int
    appended: int

    def since(self, before: "Meter") -> "Meter":
        return Meter(
            self.broker - before.broker,
            self.redis - before.redis,
            self.sent - before.sent,
            self.appended - before.appended,
        )


class Servers:
    """The two servers, found by the ports they listen on."""

    def __init__(self, bootstrap: str, client: redis.Redis) -> None:
        self.client = client
        self._broker = _listening(int(bootstrap.rpartition(":")[2]))
        self._redis = psutil.Process(client.info("server")["process_id"])

    def read(self) -> Meter:
        persistence, stats = self.client.info("persistence"), self.client.info("stats")
        sent, appended = stats["total_net_input_bytes"], persistence["aof_current_size"]
        return Meter(_cpu(self._broker), _cpu(self._redis), sent, appended)


def _listening(port: int) -> psutil.Process:
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid:
            return psutil.Process(connection.pid)
    raise SystemExit(f"no local process listens on port {port}: the bench measures servers on this machine")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _environment(prefix: str) -> dict[str, str]:
    return {**os.environ, "ENGAGEMENT_TOPIC_PREFIX": prefix}


def _make_topics(prefix: str) -> None:
    topics = {prefix + "actions": PARTITIONS, prefix + "accounts": 1, prefix + "rejects": 1}
    create_topics(os.environ["KAFKA_BOOTSTRAP_SERVERS"], topics)


def _producer() -> Producer:
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    settings = {"linger.ms": 20, "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000}
    return Producer({"bootstrap.servers": servers, **settings})


def run_stages(servers: Servers, prefix: str, events: int) -> None:
    """Load once, then every stage in a process of its own over the same log."""
    _make_topics(prefix)
    started = time.monotonic()
    sent = Load(events).produce(_producer(), prefix + "actions")
    print(f"{events:,} events of {sent / events:.0f} bytes produced in {time.monotonic() - started:.0f} s\n")
    print("stage      events/s   worker   broker    redis   peak MiB   (CPU seconds per million events)")
    spent: dict[str, float] = {}
    for stage in STAGES:
        before = servers.read()
        command = [sys.executable, "-m", "tests.bench.stage", stage, str(events)]
        done = subprocess.run(command, env=_environment(prefix), check=True, capture_output=True, text=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        used, million = servers.read().since(before), events / 1e6
        spent[stage] = figures["cpu"] / million
        print(
            f"{stage:<9} {events / figures['wall']:>9,.0f} {spent[stage]:>8.2f} {used.broker / million:>8.2f} "
            f"{used.redis / million:>8.2f} {figures['peak_mib']:>10.0f}"
        )
        if stage == "pipeline":
            _say_bars(spent, used, events)


def _say_bars(spent: dict[str, float], used: Meter, events: int) -> None:
    million = events / 1e6
    print(f"\nall metrics / decoding alone: {spent['fold'] / spent['decode']:.2f}")
    print(f"pipeline / (consume + decode + fold): {spent['pipeline'] / spent['fold']:.2f}  (bar 1.30)")
    print(f"Redis CPU / worker CPU: {100 * used.redis / million / spent['pipeline']:.1f} %  (bar 10 %)")
    print(
        f"bytes sent to Redis per event: {used.sent / events:.1f}  (bar 60), "
        f"appended to its file: {used.appended / events:.1f}"
    )


def run_slowly(servers: Servers, prefix: str, seconds: int) -> None:
    """1,000 events a second into the slots of the load before: small checkpoints."""
    settings = load_settings(_environment(prefix))
    slots, store = list(log_bounds(kafka_admin(settings), [settings.topics.actions])), SlotStore(servers.client)
    command = [sys.executable, "-m", "stream.cli", "run", "--log-format", "json"]
    worker = subprocess.Popen(command, env=_environment(prefix), stderr=subprocess.DEVNULL)
    try:
        first = _stored(store, slots)
        _pace(prefix, 3, 0)
        wait_until(lambda: _stored(store, slots) >= first + 3_000)
        before, used = servers.read(), _cpu(psutil.Process(worker.pid))
        _pace(prefix, seconds, 3_000)
        wait_until(lambda: _stored(store, slots) >= first + 3_000 + 1_000 * seconds)
        after, events = servers.read().since(before), 1_000 * seconds
        busy = (_cpu(psutil.Process(worker.pid)) - used) / seconds
        print(
            f"\nat 1,000 events/s for {seconds} s: {after.sent / events:.0f} bytes sent to Redis per event (bar 200), "
            f"{after.appended / events:.0f} appended to its file, worker {busy:.3f} "
            f"and Redis {after.redis / seconds:.3f} CPU seconds a second"
        )
    finally:
        worker.terminate()
        worker.wait(60)


def _stored(store: SlotStore, slots: list[SlotName]) -> int:
    return sum(record.header.next_offset for slot in slots if (record := store.stored(slot)))


def _pace(prefix: str, seconds: int, first: int) -> None:
    producer, started = _producer(), time.monotonic()
    for number, (key, value) in enumerate(Load(1_000 * seconds, seed=8, first=first).values()):
        producer.produce(prefix + "actions", value, key)
        if number % 50 == 49:
            producer.poll(max(0.0, started + (number + 1) / 1_000 - time.monotonic()))
            while time.monotonic() < started + (number + 1) / 1_000:
                producer.poll(0.005)
    producer.flush()


def main() -> None:
    """Run all of it and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=4_000_000, help="events of the main load")
    parser.add_argument("--slow-seconds", type=int, default=30, help="length of the run at 1,000 events a second")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts and users of the start")
    chosen = parser.parse_args()
    prefix = f"bench-{secrets.token_hex(3)}."
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    rewrite = str(client.config_get("auto-aof-rewrite-percentage")["auto-aof-rewrite-percentage"])
    client.config_set("auto-aof-rewrite-percentage", 0)  # a rewrite would hide what was appended
    try:
        print(f"Redis {client.info('server')['redis_version']}, {os.cpu_count()} cores, {bytes_of_one()}-byte events")
        servers = Servers(os.environ["KAFKA_BOOTSTRAP_SERVERS"], client)
        held = client.info("memory")["used_memory"]
        run_stages(servers, prefix, chosen.events)
        print(f"Redis memory: {(client.info('memory')['used_memory'] - held) / 2**20:.0f} MiB")
        run_slowly(servers, prefix, chosen.slow_seconds)
        measure_start(client, prefix, chosen.accounts)
    finally:
        client.config_set("auto-aof-rewrite-percentage", rewrite)
        for key in client.scan_iter(f"{{{prefix}*", count=1000):
            client.unlink(key)
        delete_topics(os.environ["KAFKA_BOOTSTRAP_SERVERS"], prefix)


if __name__ == "__main__":
    main()
