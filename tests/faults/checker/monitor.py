"""What Redis executes, as its MONITOR tells: one line a command, also for each that a script calls."""

import codecs
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress

CHUNK = 1 << 20
CONNECT_SECONDS = 2.0
PAUSE = 0.005
FROM_SCRIPT = b" lua"

Heard = Callable[[bool, bytes, bytes], None]
"""Takes whether a script called it, the command, and its arguments as MONITOR writes them."""


def arguments(rest: bytes, most: int) -> list[bytes]:
    """The first arguments, and all others in one: of those before the last, none may have a quote in it."""
    parts = rest[1:-1].split(b'" "', most - 1)
    return [unescaped(part) for part in parts]


def unescaped(quoted: bytes) -> bytes:
    r"""The bytes behind MONITOR's text, which has \xNN, \n, \r, \t, \a, \b, \" and \\ for what does not print."""
    if b"\\" not in quoted:
        return quoted
    return codecs.escape_decode(quoted)[0]


class Monitor:
    """Listens in a thread of its own and connects again whenever the connection is lost."""

    def __init__(self, redis_url: str, hear: Heard, lost: Callable[[], None]) -> None:
        address = urllib.parse.urlsplit(redis_url)
        self._address = (address.hostname or "127.0.0.1", address.port or 6379)
        self._hear, self._lost = hear, lost
        self._ending = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                with suppress(OSError), socket.create_connection(self._address, CONNECT_SECONDS) as connection:
                    self._socket = connection
                    self._listen(connection)
                self._lost()
                time.sleep(PAUSE)
        except BaseException as error:
            self.failure = error
            raise

    def _listen(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.sendall(b"MONITOR\r\n")
        for line in _lines(connection):
            end = line.find(b'] "', 0, 120)
            if end < 0:
                continue  # the answer to MONITOR itself
            start = end + 3
            close = line.find(b'"', start)
            command = line[start:close]
            self._hear(line.endswith(FROM_SCRIPT, 0, end), command.upper(), line[close + 2 :])
            if self._ending.is_set():
                return


def _lines(connection: socket.socket) -> Iterator[bytes]:
    rest: list[bytes] = []
    while data := connection.recv(CHUNK):
        first, *others = data.split(b"\n")
        rest.append(first)
        if not others:
            continue
        others[-1:], last = [], others[-1]
        for line in (b"".join(rest), *others):
            if line.startswith(b"-"):
                return  # refused: Redis is loading
            yield line[:-1]
        rest = [last]
