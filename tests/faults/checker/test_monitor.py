"""What MONITOR writes is read back byte for byte."""

import threading
from random import Random

import redis

from tests.faults.checker.monitor import Monitor, arguments
from tests.support import wait_until


def test_every_byte_comes_through_also_in_long_lines(redis_url: str, prefix: str) -> None:
    random = Random(1)
    values = [bytes(range(256)), b'a" ', b'" "', b"\\", b'\\"', b"", random.randbytes(700_000), b"\r\n" * 9]
    heard: list[tuple[bool, bytes, bytes]] = []
    lost = threading.Event()
    monitor = Monitor(redis_url, lambda *command: heard.append(command), lost.set)
    monitor.start()
    key = f"{prefix}bytes"
    try:
        with redis.Redis.from_url(redis_url) as client:
            wait_until(lambda: client.ping() and heard, what="the monitor")
            for value in values:
                client.set(key, value)
                client.eval("redis.call('SETRANGE', KEYS[1], 0, ARGV[1])", 1, key, value)
            client.delete(key)
            wait_until(lambda: any(command == b"DEL" for _, command, _ in list(heard)), what="the last command")
    finally:
        monitor.stop()
    mine = [one for one in heard if key.encode() in one[2]]
    assert [arguments(rest, 2)[1] for _, command, rest in mine if command == b"SET"] == values
    written = [(script, arguments(rest, 3)) for script, command, rest in mine if command == b"SETRANGE"]
    assert written == [(True, [key.encode(), b"0", value]) for value in values]
