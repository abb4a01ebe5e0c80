"""A client of Redis as the store uses it, whose requests and replies go astray, and what others do between its calls.

Behind it is a model of Redis or a real one; what a request that came late does is the same for both.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import redis

from tests.property.model_redis import dying

Result = TypeVar("Result")


class Server(Protocol):
    """What a link asks of a Redis."""

    def get(self, key: str) -> bytes | None: ...
    def getrange(self, key: str, first: int, last: int) -> bytes: ...
    def mget(self, keys: Sequence[str]) -> list[bytes | None]: ...
    def names(self, prefix: str) -> list[bytes]: ...
    def set(self, key: str, data: bytes) -> None: ...
    def unlink(self, keys: Sequence[bytes]) -> None: ...
    def evaluate(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> bytes | int: ...
    def wipe(self) -> None: ...


class RealServer:
    """A real Redis behind the same words; ``wipe`` deletes what is under ``tag``."""

    def __init__(self, client: redis.Redis, tag: str) -> None:
        self._client: Any = client
        self._tag = tag

    def get(self, key: str) -> bytes | None:
        return cast("bytes | None", self._client.get(key))

    def getrange(self, key: str, first: int, last: int) -> bytes:
        return cast("bytes", self._client.getrange(key, first, last))

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", self._client.mget(keys))

    def set(self, key: str, data: bytes) -> None:
        self._client.set(key, data)

    def names(self, prefix: str) -> list[bytes]:
        return list(self._client.scan_iter(match=f"{prefix}*", count=1000))

    def unlink(self, keys: Sequence[bytes]) -> None:
        if keys:
            self._client.unlink(*keys)

    def evaluate(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> bytes | int:
        answer: bytes | int = self._client.eval(script, len(keys), *keys, *args)
        return answer

    def wipe(self) -> None:
        self.unlink(self.names(self._tag))


class Fate(NamedTuple):
    """What happens to a checkpoint on its way; ``writes`` is how many the script makes before it dies."""

    kind: str
    writes: int = 0


APPLIED = (b"applied", 1)
"""What a checkpoint and the claim of a rebuild answer when they are true now."""
FATES = ("lost request", "lost reply", "late", "twice", "dies")


class Network:
    """Checkpoints on their way. ``view`` is all that a reader sees, which no refused or failed one may change."""

    def __init__(self, server: Server, view: Callable[[], object]) -> None:
        self.server = server
        self.late: list[Callable[[], bytes | int]] = []
        self._view = view

    def deliver(self, request: Callable[[], bytes | int]) -> bytes | int:
        before = self._view()
        answer: bytes | int | None = None
        try:
            answer = request()
        finally:
            assert answer in APPLIED or self._view() == before, f"{answer!r}, but a reader sees something else now"
        return answer

    def arrive(self, which: int) -> None:
        """Deliver one of the requests that were given up long ago."""
        if self.late:
            self.deliver(self.late.pop(which % len(self.late)))


class Link:
    """Stands for ``redis.Redis``. ``fate`` is that of the next checkpoint; ``between`` has what precedes which call."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.expect(None, {})

    def expect(self, fate: Fate | None, between: Mapping[int, Callable[[], None]]) -> None:
        """Begin to count calls, the first as 1."""
        self._fate, self._between, self._calls = fate, dict(between), 0

    def _call(self, request: Callable[[Server], Result]) -> Result:
        self._calls += 1
        self._between.pop(self._calls, lambda: None)()
        return request(self._network.server)

    def get(self, key: str) -> bytes | None:
        return self._call(lambda server: server.get(key))

    def getrange(self, key: str, first: int, last: int) -> bytes:
        return self._call(lambda server: server.getrange(key, first, last))

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        return self._call(lambda server: server.mget(keys))

    def set(self, key: str, data: bytes) -> None:
        """As sabotages use it."""
        self._call(lambda server: server.set(key, data))

    def scan_iter(self, match: str, count: int) -> Iterator[bytes]:  # noqa: ARG002  as it is called
        yield from self._call(lambda server: server.names(match.removesuffix("*")))

    def unlink(self, *keys: bytes) -> None:
        self._call(lambda server: server.unlink(keys))

    def register_script(self, script: str) -> Callable[[Sequence[str], Sequence[bytes | int]], bytes | int]:
        """As the real one; the keys and arguments of a call are its own, whenever it arrives."""
        return lambda keys, args: self._checkpoint(script, tuple(keys), tuple(args))

    def _checkpoint(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> bytes | int:
        network, server = self._network, self._network.server
        self._call(lambda _: None)
        fate, self._fate = self._fate, None
        if fate is not None and fate.kind == "dies":
            script = dying(script, fate.writes)

        def request() -> bytes | int:
            return server.evaluate(script, keys, args)

        if fate is not None and fate.kind in ("late", "twice"):
            network.late.append(request)
        if fate is not None and fate.kind in ("lost request", "late"):
            raise redis.TimeoutError(fate.kind)
        answer = network.deliver(request)
        if fate is not None and fate.kind == "lost reply":
            raise redis.ConnectionError(fate.kind)
        return answer

    def pipeline(self) -> "Transaction":
        return Transaction(self)


class Transaction:
    """What is asked of it is one step of Redis."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._queued: list[Callable[[Server], object]] = []

    def __enter__(self) -> "Transaction":  # noqa: PYI034  nobody inherits from it
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept."""

    def getrange(self, key: str, first: int, last: int) -> None:
        self._queued.append(lambda server: server.getrange(key, first, last))

    def mget(self, keys: Sequence[str]) -> None:
        self._queued.append(lambda server: server.mget(keys))

    def execute(self) -> list[object]:
        return self._link._call(lambda server: [ask(server) for ask in self._queued])  # noqa: SLF001  its own link
