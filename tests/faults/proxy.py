"""A TCP proxy before a Redis: it can lose the reply of a write that has landed, and make replies late."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 16
SCRIPT = b"EVAL"


class RedisProxy:
    """Passes on everything, but for replies to scripts, the writes of slots: `lose_replies` and `delay` say which."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._to_lose = 0
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.answered = 0
        """Scripts that Redis has run, whatever became of the reply."""
        self.refused = 0
        """Connections of clients while Redis was down."""
        self.lost = 0
        self.delayed = 0
        self.delay = 0.0
        """Seconds that every reply to a script comes late."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def lose_replies(self, count: int) -> None:
        """Lets the next `count` scripts reach Redis and drops the connection instead of passing on what it says."""
        with self._lock:
            self._to_lose += count

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                self.refused += 1
                continue
            server.settimeout(None)
            _Connection(self, client, server).start()

    def count_answer(self) -> None:
        with self._lock:
            self.answered += 1

    def take_loss(self) -> bool:
        """Is this reply one to lose? Counts it if so."""
        with self._lock:
            lose = self._to_lose > 0
            self._to_lose -= lose
            self.lost += lose
            return lose

    def pause(self) -> None:
        """Lets the delay pass, or less when the proxy closes."""
        if self.delay:
            self.delayed += 1
            self._closing.wait(self.delay)


class _Connection:
    """One client's connection: a thread for each direction; either end closes both."""

    def __init__(self, proxy: RedisProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._script_asked = threading.Event()

    def start(self) -> None:
        for direction in (self._requests, self._replies):
            threading.Thread(target=self._until_closed, args=(direction,), name="proxy", daemon=True).start()

    def _until_closed(self, direction: Callable[[], None]) -> None:
        with suppress(OSError):
            direction()
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _requests(self) -> None:
        while data := self._client.recv(CHUNK):
            if SCRIPT in data[:64]:
                self._script_asked.set()
            self._server.sendall(data)

    def _replies(self) -> None:
        while data := self._server.recv(CHUNK):
            if self._script_asked.is_set():
                self._script_asked.clear()
                if not data.startswith(b"-"):  # an error says that nothing was written
                    self._proxy.count_answer()
                    self._proxy.pause()
                    if self._proxy.take_loss():
                        return
            self._client.sendall(data)
