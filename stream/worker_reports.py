"""How a worker process tells its state to the command that started it, over the socket that is its stdin.

Each byte that the command sends asks for the state once; the end of the socket says that the command is gone, however
it went. A worker that was asked at least once also tells its last state when it ends, so that what it ended with is
known. A state is its length, as a u32, and its bytes.
"""

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from stream.observed import Observed, decoded
from stream.worker_state import Seen, WorkerState

ANSWER_SECONDS = 1.0
_LENGTH = struct.Struct("<I")
_QUESTION = b"?"


class Reporter:
    """The worker's end."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        self._asked = False
        self._sending = threading.Lock()

    def start(self, stop: threading.Event) -> None:
        """Answer in a thread, and set `stop` when the command is gone."""
        threading.Thread(target=self._answer, args=(stop,), name="reporter", daemon=True).start()

    def tell_last(self) -> None:
        """Tell what the worker ends with, if the command listens."""
        if self._asked:
            telling = threading.Thread(target=self._send, name="last-report", daemon=True)
            telling.start()
            telling.join(ANSWER_SECONDS)

    def _answer(self, stop: threading.Event) -> None:
        while os.read(sys.stdin.fileno(), 1):
            self._asked = True
            self._send()
        stop.set()

    def _send(self) -> None:
        encoded = self._observed.encoded()
        left = memoryview(_LENGTH.pack(len(encoded)) + encoded)
        with self._sending, suppress(OSError):  # the command may be gone, of which `_answer` hears
            while left:
                left = left[os.write(sys.stdin.fileno(), left) :]


class Link:
    """The command's end, for one worker. A thread takes in what the worker tells, until it ends."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._mine, self.workers_end = socket.socketpair()
        self._told = threading.Condition()
        self._state: WorkerState | None = None
        self._answers = 0
        self._asked = 0
        self._ended = False
        self._listener = threading.Thread(target=self._listen, name=f"worker-{number}", daemon=True)

    def started(self) -> None:
        """The worker has its end now."""
        self.workers_end.close()
        self._listener.start()

    def close(self) -> None:
        """Let the worker know that nobody listens any more."""
        self.workers_end.close()
        with suppress(OSError):  # it ended before
            self._mine.shutdown(socket.SHUT_RDWR)
        if self._listener.is_alive():
            self._listener.join()
        self._mine.close()

    def ask(self) -> None:
        """Ask for the state; `seen` waits for it."""
        self._asked = self._answers + 1
        try:
            self._mine.send(_QUESTION, socket.MSG_DONTWAIT)
        except OSError:  # it ended, or is stopped for so long that all the questions fill its socket
            return

    def seen(self, seconds: float) -> Seen:
        """The state that was asked for, or after so many seconds the last one that there is."""
        with self._told:
            self._told.wait_for(lambda: self._answers >= self._asked or self._ended, seconds)
            return Seen(self.number, self._state, not self._ended, self._answers >= self._asked)

    def _listen(self) -> None:
        for frame in _frames(self._mine):
            with self._told:
                self._state = decoded(frame)
                self._answers += 1
                self._told.notify_all()
        with self._told:
            self._ended = True
            self._told.notify_all()


def seen_of(links: Iterable[Link]) -> list[Seen]:
    """What all workers say now; together they have ANSWER_SECONDS."""
    asked = list(links)
    for link in asked:
        link.ask()
    deadline = time.monotonic() + ANSWER_SECONDS
    return [link.seen(max(0.0, deadline - time.monotonic())) for link in asked]


def _frames(link: socket.socket) -> Iterator[bytes]:
    try:
        with link.makefile("rb") as told:
            while len(head := told.read(_LENGTH.size)) == _LENGTH.size:
                (size,) = _LENGTH.unpack(head)
                frame = told.read(size)
                if len(frame) < size:
                    return
                yield frame
    except OSError:
        return
