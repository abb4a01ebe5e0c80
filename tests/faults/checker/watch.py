"""I2, I3 and I4, of every write that Redis applies to the slots of one system."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from tests.faults.checker.monitor import Monitor, arguments
from tests.faults.checker.redo import OtherForm, decode
from tests.faults.checker.report import Violation
from tests.faults.checker.slot_watch import SlotWatch
from tests.faults.checker.slots import Place

SYNC_SECONDS = 30.0
ASK_AGAIN_SECONDS = 0.2
LOOK_SECONDS = 0.002
WRITES = {
    b"APPEND", b"COPY", b"DEL", b"EXPIRE", b"GETDEL", b"GETSET", b"INCR", b"MSET", b"PEXPIRE", b"RENAME", b"RESTORE",
    b"SET", b"SETBIT", b"SETEX", b"SETNX", b"SETRANGE", b"UNLINK",
}  # fmt: skip


class Watch:
    """See the module. What is written while Redis is not listened to (it restarts) is seen by samples alone."""

    def __init__(self, client: redis.Redis, redis_url: str, prefix: str) -> None:
        self._client = client
        self._monitor = Monitor(redis_url, self._hear, self._lost)
        self._tags = tuple(b"{%s%s/" % (prefix.encode(), kind) for kind in (b"actions", b"accounts"))
        self._slots: dict[bytes, SlotWatch] = {}
        self._tokens: set[bytes] = set()
        self._lock = threading.Lock()
        self.violations: list[Violation] = []
        self.checks: Counter[str] = Counter()
        self.rolling_back = False
        self.rebuilding = False

    def start(self) -> None:
        self._monitor.start()
        self.sync()

    def stop(self) -> None:
        self._monitor.stop()

    def sync(self, *, needed: bool = True) -> None:
        """Return once all that was written until now has been judged; fails where nothing is heard of Redis."""
        deadline = time.monotonic() + SYNC_SECONDS
        while True:
            token = uuid.uuid4().hex.encode()
            with suppress(redis.RedisError, OSError):
                self._client.echo(token.decode())
            asked = time.monotonic()
            while time.monotonic() - asked < ASK_AGAIN_SECONDS:
                if token in self._tokens:
                    self._tokens.clear()
                    return
                time.sleep(LOOK_SECONDS)
            if self._monitor.failure is not None:
                raise AssertionError("the watch on Redis has ended") from self._monitor.failure
            if time.monotonic() > deadline or not needed:
                assert not needed, f"Redis is not heard of for {SYNC_SECONDS:g} s"
                return

    @contextmanager
    def losing_writes(self) -> Iterator[None]:
        self.sync(needed=False)
        self.rolling_back = True
        try:
            yield
        finally:
            self.sync()
            self.rolling_back = False

    @contextmanager
    def person_decides(self) -> Iterator[None]:
        self.sync(needed=False)
        self.rebuilding = True
        try:
            yield
        finally:
            self.sync()
            self.rebuilding = False

    def restarts(self) -> dict[Place, int]:
        """How often each slot was set back to the start of its log by a person."""
        with self._lock:
            return {watch.place: watch.restarts for watch in self._slots.values()}

    def _lost(self) -> None:
        with self._lock:
            for watch in self._slots.values():
                watch.certain = False

    def _hear(self, by_script: bool, command: bytes, rest: bytes) -> None:  # noqa: FBT001  as MONITOR tells it
        if command == b"ECHO":
            self._tokens.add(rest[1:-1])
        if command not in WRITES or not rest.startswith(self._tags, 1):
            return
        tag = rest[1 : rest.index(b"}") + 1]
        with self._lock:
            watch = self._slots.get(tag)
            if watch is None:
                topic, _, partition = tag[1:-1].decode().rpartition("/")
                watch = self._slots[tag] = SlotWatch((topic, int(partition)), self._told, self.checks)
            self._judge(watch, command, rest, by_script=by_script)

    def _judge(self, watch: SlotWatch, command: bytes, rest: bytes, *, by_script: bool) -> None:
        key = rest[1 : rest.index(b'"', 1)]
        excused = self.rolling_back or self.rebuilding
        if command == b"SET" and key.endswith(b":redo"):
            try:
                watch.stored_anew(decode(arguments(rest, 2)[1]), rebuilding=self.rebuilding, excused=excused)
            except OtherForm as other:
                watch.accuse("I2", str(other))
        elif command == b"SETRANGE" and by_script:
            _, offset, data = arguments(rest, 3)
            watch.written(key, int(offset), data)
        elif command in (b"UNLINK", b"DEL") and by_script:
            watch.dropped(arguments(rest, rest.count(b'" "') + 1))
        elif excused:
            watch.certain = False
        else:
            watch.accuse("I4", f"{command.decode()} of {key.decode()} from outside of the script")

    def _told(self, violation: Violation) -> None:
        self.violations.append(violation)
