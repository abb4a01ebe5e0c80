"""Redis's append-only file after a power cut: without its end, which may be a part of a transaction."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import redis

from services.redis import LocalRedis
from tests.support import wait_until

MULTI = b"*1\r\n$5\r\nMULTI\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"
COMMAND = b"\r\n*"
MOST_TORN_BYTES = 3_000


def newest_file(server: LocalRedis) -> Path:
    """The file that Redis appends to, whatever its version keeps beside it."""
    return max(server.data_dir.rglob("*.aof"), key=lambda path: path.stat().st_mtime_ns)


def tear(server: LocalRedis, random: Random) -> None:
    """Take the last bytes of the file of a Redis that is down, mostly in the middle of its last transaction."""
    file = newest_file(server)
    data = file.read_bytes()
    start, end = data.rfind(MULTI), data.rfind(EXEC)
    if random.random() < 0.2 or not 0 <= start < end:
        cut = max(len(data) // 2, len(data) - random.randrange(1, MOST_TORN_BYTES))
    else:
        cut = random.choice((_between_commands, _anywhere))(random, data, start + len(MULTI), end)
    os.truncate(file, cut)


def _anywhere(random: Random, _: bytes, start: int, end: int) -> int:
    return random.randrange(start, end + len(EXEC))


def _between_commands(random: Random, data: bytes, start: int, end: int) -> int:
    """Where one whole command ends and the next would begin."""
    ends: list[int] = []
    while (at := data.find(COMMAND, start, end)) > 0:
        start = at + len(COMMAND)
        ends.append(at + 2)
    return random.choice(ends or [end])


def copy_of(server: LocalRedis, folder: Path) -> Path:
    """A copy of the data of a running Redis, as a backup would take it."""
    target = folder / f"redis-{server.port}-copy"
    shutil.rmtree(target, ignore_errors=True)
    with same_files(server):
        shutil.copytree(server.data_dir, target)
    return target


@contextmanager
def same_files(server: LocalRedis) -> Iterator[None]:
    """In the block Redis appends to its file and does not put another one in its place."""
    with redis.Redis.from_url(server.url, socket_timeout=30) as client:
        usual = client.config_get("auto-aof-rewrite-percentage")["auto-aof-rewrite-percentage"]
        client.config_set("auto-aof-rewrite-percentage", 0)
        try:
            wait_until(lambda: not _rewrites(client), what="the end of a rewrite")
            yield
        finally:
            client.config_set("auto-aof-rewrite-percentage", usual)


def _rewrites(client: redis.Redis) -> bool:
    found = client.info("persistence")
    return bool(found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"])


def put_back(server: LocalRedis, copy: Path) -> None:
    """Give a Redis that is down the data of some time ago."""
    shutil.rmtree(server.data_dir)
    shutil.copytree(copy, server.data_dir)
