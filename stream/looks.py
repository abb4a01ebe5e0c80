"""Pictures of the system, taken again and again in a thread of its own, so that whoever shows them never waits long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stream.observer import Observer
from stream.picture import Picture

STOP_SECONDS = 3.0


class Looks:
    """One picture every `pause` seconds, and whenever somebody asks for one of now.

    `taken` is called with each before anybody gets it, `ended` where the looks end without being told to. The thread
    closes the observer itself: closing a client that another thread waits in ends the process.
    """

    def __init__(
        self, observer: Observer, pause: float, taken: Callable[[Picture], None], ended: Callable[[], None]
    ) -> None:
        self._observer = observer
        self._pause = pause
        self._taken = taken
        self._ended = ended
        self._changed = threading.Condition()
        self._wanted = False
        self._stopped = False
        self._newest: Picture | None = None
        self._error: BaseException | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look until the block ends. Raises what a look raised, once the block has ended."""
        thread = threading.Thread(target=self._run, name="looks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            thread.join(STOP_SECONDS)
        if self._error is not None:
            raise self._error

    @property
    def newest(self) -> Picture | None:
        """The newest complete picture."""
        return self._newest

    def since(self, moment: float, seconds: float) -> Picture | None:
        """A picture of `moment` or later if there is one within `seconds`, else the newest."""
        with self._changed:
            if not self._is_from(moment):
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or self._is_from(moment), seconds)
            return self._newest

    def _is_from(self, moment: float) -> bool:
        return self._newest is not None and self._newest.at >= moment

    def _run(self) -> None:
        try:
            while not self._stopped:
                picture = self._observer.look()
                with self._changed:
                    self._newest = picture
                    self._taken(picture)
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._stopped or self._wanted, self._pause)
                    self._wanted = False
        except BaseException as error:  # noqa: BLE001  raised by `running`
            self._error = error
            self._ended()
        finally:
            self._observer.close()
