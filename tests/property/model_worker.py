"""A worker process of the model: the real owned slot, and around it as much of a consumer as the protocol rests on."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from schemas.exits import Blocked, Unavailable
from store.layout import SlotName
from store.offsets import LogBounds
from store.slots import SlotStore
from stream import action_slot
from stream.guard import Surroundings
from stream.loading import Parts
from stream.owned import OwnedSlot, SlotMovedError
from stream.rejects import RejectSender, Tally
from tests.property.model_link import Link
from tests.property.plain_slot import LogRecord, PlainRules
from tests.property.slot_owner import batch_of, slot_rules

if TYPE_CHECKING:
    from stream.batch import Batch

MEMORY_STEPS = ("add_one", "collect_writes", "minutes_by_account")
"""Within a fold, a checkpoint and the closing of a day: where memory is half done."""


@dataclass
class Kafka:
    """One partition, the offset that the group committed for it, and the topic of its rejects."""

    log: list[LogRecord]
    start: int = 0
    committed: int | None = None
    takes_rejects: bool = True
    rejects: set[int] = field(default_factory=set)

    @property
    def end(self) -> int:
        return self.log[-1].offset + 1

    def bounds(self) -> LogBounds:
        return LogBounds(self.start, self.end)

    def around(self) -> Surroundings:
        return Surroundings("t", self.bounds(), self.committed)


class Rejects(RejectSender):
    """The rejects of one process; what is not delivered ends with it."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._sent: list[tuple[Tally, int]] = []

    def send(self, tally: Tally, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:  # noqa: ARG002  as it is called
        tally.outstanding += 1
        self._sent.append((tally, int(dict(headers)["offset"])))

    def pump(self, seconds: float = 0.0) -> None:  # noqa: ARG002  as above
        if self._kafka.takes_rejects:
            for tally, offset in self._sent:
                tally.delivered()
                self._kafka.rejects.add(offset)
            self._sent = []


@dataclass
class Shared:
    """What all workers of a machine have in common."""

    name: SlotName
    kafka: Kafka
    rules: PlainRules
    new_state_id: Callable[[], bytes]
    now: float = 0.0


class ModelWorker:
    """``owned`` is None while the group gave this process nothing, or took it back and told it so."""

    def __init__(self, link: Link, shared: Shared) -> None:
        self.link, self._shared = link, shared
        self._generation = 0
        self.blocked = False
        """Whether its last process ended with the advice to rebuild or to accept a gap."""
        self.start()

    def start(self) -> None:
        """A new process: nothing of the old one is left but requests on their way."""
        self.owned: OwnedSlot | None = None
        self.position = 0
        self.fetched: deque[Batch] = deque()
        shared = self._shared
        self._rejects = Rejects(shared.kafka)
        store = SlotStore(cast("Any", self.link))
        timezone, topic = shared.rules.timezone, shared.name.topic
        self._parts = Parts(store, self._rejects, slot_rules(shared.rules), timezone, topic, shared.new_state_id)

    def assign(self) -> None:
        """The group gives the partition to this worker."""
        self.owned = OwnedSlot(self._shared.name, self._next_generation(), self._parts)

    def release(self) -> None:
        """The group took it away."""
        self.owned = None

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def fetch(self, size: int, *, past_gap: bool) -> None:
        """The consumer reads on; what it returns is in hand under the generation of now."""
        if self.owned is None or self.owned.slot is None or self.owned.stalled:
            return
        if self.position < self._shared.kafka.start:
            self.end()  # `auto.offset.reset` is `error`
            return
        records = [one for one in self._shared.kafka.log if one.offset >= self.position]
        end = records[size].offset if past_gap and size < len(records) else self._end_of(records[:size])
        self.fetched.append(batch_of(records[:size], end, self.owned.generation))
        self.position = max(self.position, end)

    def _end_of(self, records: list[LogRecord]) -> int:
        return records[-1].offset + 1 if records else self.position

    def count(self, size: int) -> None:
        """Read on and count."""
        self._load()
        self.fetch(size, past_gap=False)
        self.hand_on()

    def hand_on(self) -> None:
        """Count what was fetched first, whatever happened to the partition since."""
        if self.fetched:
            batch, now = self.fetched.popleft(), self._shared.now
            self._attempt(lambda owned: owned.take(batch, now))

    def hand_on_again(self, offsets: int) -> None:
        """The consumer begins again, up to that many offsets before what it returned last."""
        if self.owned is not None and self.owned.slot is not None:
            first = max(self._shared.kafka.start, self.owned.position - offsets)
            records = [one for one in self._shared.kafka.log if first <= one.offset < self.owned.position]
            batch, now = batch_of(records, self.owned.position, self.owned.generation), self._shared.now
            self._attempt(lambda owned: owned.take(batch, now))

    def _attempt(self, step: Callable[[OwnedSlot], None]) -> None:
        if self.owned is None:
            return
        try:
            step(self.owned)
        except SlotMovedError:
            self.owned.reload(self._next_generation(), self._shared.now)

    def tick(self) -> None:
        """One turn of the worker's loop without records."""
        now = self._shared.now
        self._rejects.pump()
        self._load()
        self._attempt(lambda owned: owned.tick(now))
        committable = self.owned.committable(now) if self.owned is not None else None
        if committable is not None:
            self._shared.kafka.committed = committable

    def _load(self) -> None:
        owned, now = self.owned, self._shared.now
        if owned is None or owned.slot is not None or now < owned.pace.retry_at:
            return
        try:
            self.position = owned.load(owned.stored(), self._shared.kafka.around(), now).next_offset
        except Unavailable as error:
            owned.put_off(now, str(error))
        except Blocked as blocked:
            self._blocked_by(str(blocked))
        else:
            self.blocked = False

    def _blocked_by(self, reason: str) -> None:
        assert "evicted" not in reason, reason
        self.end()
        self.blocked = True

    def store(self) -> None:
        """Write all that is counted, as before a partition is let go."""
        if self.owned is not None and self.owned.unstored:
            self.owned.store(self._shared.now)

    def end(self) -> None:
        """End in good order, and start again; the group gives the partition back if it was this worker's."""
        self.store()
        self.crash()

    def crash(self) -> None:
        """The same without a word."""
        owns = self.owned is not None
        self.start()
        if owns:
            self.assign()

    def out_of_memory(self, after: int, step: Callable[[], None]) -> None:
        """``step``, which ends in the middle of memory's work, if it gets that far; then the process ends in order."""
        try:
            with _memory_ends(after):
                step()
        except MemoryError:
            self.end()


@contextmanager
def _memory_ends(after: int) -> Iterator[None]:
    left = iter(range(after))

    def ending(work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any) -> Any:  # noqa: ANN401  anything will do
            if next(left, None) is None:
                raise MemoryError
            return work(*args)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for name in MEMORY_STEPS:
            patch.setattr(action_slot, name, ending(getattr(action_slot, name)))
        yield
