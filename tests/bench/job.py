"""`python -m tests.bench.job [--accounts N --users N --days N]`: what a large system takes in Redis, and its daily run.

Needs KAFKA_BOOTSTRAP_SERVERS and REDIS_URL of servers on this machine (`make bench-job` starts them).
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter

import redis

from jobs.days import COUNT_DAYS, iso, parse_day
from schemas.settings import Settings, load_settings
from store.connect import kafka_admin
from store.layout import Header, SlotName
from store.offsets import topic_ids
from store.slots import SlotStore
from tests.bench.job_load import Size, SlotWriter, accounts_strings, actions_strings
from tests.support import create_topics, delete_topics

AS_OF = "2026-11-15"


def write_slots(client: redis.Redis, settings: Settings, size: Size) -> None:
    """Every slot of both input topics."""
    topics, store = settings.topics, SlotStore(client)
    ids = topic_ids(kafka_admin(settings), [topics.actions, topics.accounts])
    for topic, strings_of in ((topics.actions, actions_strings), (topics.accounts, accounts_strings)):
        header = Header("UTC", ids[topic], 0, 0, newest_day=size.as_of, closed_through=size.as_of)
        for partition in range(size.partitions):
            SlotWriter(store, SlotName(topic, partition), header).write(strings_of(size, partition))


def report_memory(client: redis.Redis, prefix: str, size: Size) -> None:
    """Bytes of the keys by kind of string, and what a day of an account and of a user takes."""
    found: Counter[str] = Counter()
    for key in client.scan_iter(f"{{{prefix}*", count=1000):
        found[key.decode().partition("}:")[2].split(":")[0]] += client.memory_usage(key, samples=0) or 0
    for kind, held in sorted(found.items(), key=lambda row: -row[1]):
        print(f"{kind:<18} {held / 1e6:>8.1f} MB")
    print(f"{'all':<18} {found.total() / 1e6:>8.1f} MB")
    for kind, things, days in (("count", size.accounts, size.count_days), ("minutes", size.accounts, size.days)):
        print(f"{kind}: {found[kind] / things / days:.2f} bytes per account and day")
    print(f"active: {found['active'] / size.users / size.days:.3f} bytes per user and day")


def report_run(prefix: str) -> None:
    """Seconds by phase and peak memory of a run that publishes."""
    environment = {**os.environ, "ENGAGEMENT_TOPIC_PREFIX": prefix}
    command = [sys.executable, "-m", "tests.bench.job_phases", AS_OF]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{found['accounts']:,} accounts published, peak memory {found['peak_mib']:,.0f} MiB")
    for phase, seconds in found["seconds"].items():
        print(f"{phase:<30} {seconds:>7.2f} s")


def main() -> None:
    """Write, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90, help="days of active users and minutes")
    parser.add_argument("--partitions", type=int, default=4)
    chosen = parser.parse_args()
    size = Size(chosen.accounts, chosen.users, chosen.days, COUNT_DAYS, chosen.partitions, parse_day(AS_OF))
    prefix = f"bench-{secrets.token_hex(3)}."
    settings = load_settings({**os.environ, "ENGAGEMENT_TOPIC_PREFIX": prefix})
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    topics = settings.topics
    wanted = dict.fromkeys((topics.actions, topics.accounts, topics.scores), size.partitions)
    try:
        create_topics(settings.kafka_bootstrap_servers, {**wanted, topics.runs: 1})
        started, held = time.monotonic(), client.info("memory")["used_memory"]
        write_slots(client, settings, size)
        used = client.info("memory")["used_memory"] - held
        print(
            f"{iso(size.as_of)}: {size.accounts:,} accounts, {size.users:,} users, {size.days} days, written in "
            f"{time.monotonic() - started:.0f} s; Redis grew by {used / 1e6:.0f} MB"
        )
        report_memory(client, prefix, size)
        report_run(prefix)
    finally:
        for key in client.scan_iter(f"{{{prefix}*", count=1000):
            client.unlink(key)
        delete_topics(settings.kafka_bootstrap_servers, prefix)


if __name__ == "__main__":
    main()
