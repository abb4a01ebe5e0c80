"""Which partitions this process owns, and what happens to their slots when that changes.

What to know before changing anything here; each point has bitten somebody:

1. There is one way to load a slot, for a new assignment and for a reload: the header first, then the strings. Its state
   id is what the next checkpoint expects, so a write in between makes that checkpoint answer `other`. Reading starts at
   the header's offset with its leader epoch, both passed in the assignment: a seek may be overtaken by a late offset
   fetch.
2. Records carry the generation of the assignment they were fetched under. Revoke, lost and reload start a new
   generation, and records in hand of an older one are dropped: the header's owner will read them again.
3. The group's callbacks never raise and never read from Redis or Kafka in order to load: a callback only takes note,
   and ``maintain`` loads outside, again and again until it works. An exception out of `consume()` ends the process,
   because the records fetched with it are gone.
4. A checkpoint that answers `other` voids the memory: reload, go on from the stored offset, back off where it repeats.
   Even the first reload waits for the next `consume()`, which tells whether the assignment was lost: then the other
   writer is the new owner, and there is nothing to reload.
5. An error of Redis is not an answer: the partition is paused, the same write goes out again (``owned.py``).
6. Revoke: checkpoint, then release. Lost: release only, another member may have the partition already. The offset
   committed in Kafka is for lag tools. It is never used to resume.
7. Markers and gaps at the end of a log move the offset as well, by the end-of-partition event.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.exits import Blocked, ConfigurationError, EngagementError, Unavailable
from store.layout import Header, SlotName
from store.redo import RedoRecord
from stream.broker import Broker
from stream.fetching import Fetching
from stream.guard import BeyondLogEnd, Surroundings
from stream.loading import Parts
from stream.owned import OwnedSlot, SlotMovedError
from stream.received import by_partition, check_errors, to_batch
from stream.slot import Slot

log = structlog.get_logger()

Result = TypeVar("Result")

REVOKE_SECONDS = 15.0
"""How long revoked partitions may take in all to store what is counted."""
STORE_AGAIN_SECONDS = 0.05
COMMIT_SECONDS = 5.0
LOG_END_SECONDS = 15.0
"""How long a broker may say that its log ends before a stored offset: after a restart its end lags for a moment."""


class Assignment:
    """The partitions of this process. Single-threaded: callbacks run inside ``Consumer.consume``."""

    def __init__(
        self,
        fetching: Fetching,
        broker: Broker,
        parts: Parts,
        clock: Callable[[], float],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._fetching = fetching
        self._broker = broker
        self._parts = parts
        self._observed = parts.observed
        self._clock = clock
        self._stopping = stopping
        self._owned: dict[SlotName, OwnedSlot] = {}
        self._generation = 0
        self._committed_at = clock()
        self._beyond_since: dict[SlotName, float] = {}
        self._stop_by = math.inf

    def generations(self) -> dict[SlotName, int]:
        """The generation of every partition that records may arrive for."""
        return {name: self._owned[name].generation for name in self._fetching.names}

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    # Callbacks of the group: points 3 and 6.

    def on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Take note of new partitions; ``maintain`` loads them and has them fetched."""
        for place in partitions:
            name = SlotName(place.topic, place.partition)
            self._owned[name] = OwnedSlot(name, self._next_generation(), self._parts)
            self._observed.assigned(name)
        _quietly("take assignment", self._fetching.acknowledge)
        log.info("partitions assigned", partitions=_texts(partitions))

    def on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Store what is counted of the partitions that go, then let go of them."""
        going = [self._owned.get(SlotName(place.topic, place.partition)) for place in partitions]
        self._store([owned for owned in going if owned is not None], self._clock() + REVOKE_SECONDS)
        self._release(partitions)
        log.info("partitions revoked", partitions=_texts(partitions))

    def on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Let go of partitions that may have another owner already."""
        self._release(partitions)
        log.warning("partitions lost", partitions=_texts(partitions))

    def _release(self, partitions: list[TopicPartition]) -> None:
        names = [SlotName(place.topic, place.partition) for place in partitions]
        _quietly("release partitions", lambda: self._fetching.remove(names, self._start))
        for name in names:
            self._owned.pop(name, None)
            self._observed.released(name)
            self._beyond_since.pop(name, None)

    # Records: points 2 and 7.

    def take(self, messages: Sequence[Message], fetched_under: dict[SlotName, int]) -> None:
        """Count records. ``fetched_under`` are the ``generations`` from before they were fetched.

        Raises EngagementError for an error of Kafka that does not pass by itself.
        """
        now = self._clock()
        for name, records in by_partition(messages).items():
            owned = self._owned.get(name)
            generation = fetched_under.get(name)
            if owned is None or generation is None or name not in self._fetching.names:
                check_errors(name, [message for message in records if message.error() is not None])
                continue
            if not self._stopping():  # where Redis hangs, every slot takes seconds
                self._attempt(owned, lambda o=owned, r=records, g=generation: o.take(to_batch(o.name, g, r), now))  # type: ignore[misc]

    # What is due: points 1, 4 and 5.

    def maintain(self) -> None:
        """Load what waits for it, write what is due, pause and resume. Raises ``Blocked``, ``ConfigurationError``."""
        blocked = self._broker.watch({name: slot.header.topic_id for name, slot in self._loaded()}, self._clock())
        for name, error in blocked.items():
            self._observed.slot(name).blocked(error)
        for error in blocked.values():
            raise error
        self._load_waiting()
        for owned in list(self._owned.values()):
            if not self._stopping():
                self._attempt(owned, lambda owned=owned: owned.tick(self._clock()))  # type: ignore[misc]
        self._fetching.pause_only([name for name, owned in self._owned.items() if owned.stalled])
        if self._clock() - self._committed_at >= COMMIT_SECONDS:
            self.commit(wait=False)

    def stop(self, deadline: float) -> bool:
        """Store everything that is counted; whether that was done by ``deadline``."""
        self._stop_by = deadline
        return self._store(list(self._owned.values()), deadline)

    def commit(self, *, wait: bool) -> None:
        """Tell Kafka the confirmed offsets, for lag tools."""
        now = self._committed_at = self._clock()
        offsets = {owned.name: owned.committable(now) for owned in self._owned.values()}
        places = [
            TopicPartition(name.topic, name.partition, offset) for name, offset in offsets.items() if offset is not None
        ]
        if places:
            _quietly("commit offsets", partial(self._fetching.commit, places, wait=wait))

    def _store(self, slots: Sequence[OwnedSlot], deadline: float) -> bool:
        """Store what is counted, each slot in turn until it works or there is no time left; whether all is stored."""
        until = min(deadline, self._stop_by)
        while (left := [one for one in slots if one.unstored and not one.refused]) and self._clock() < until:
            for owned in left:
                if self._clock() < until:
                    _quietly("store a slot", partial(owned.store, self._clock()))
            if any(owned.unstored for owned in left):
                _quietly("deliver rejects", partial(self._parts.rejects.pump, STORE_AGAIN_SECONDS))
        return not any(owned.unstored for owned in slots)

    def _attempt(self, owned: OwnedSlot, step: Callable[[], None]) -> None:
        try:
            self._noting(owned, step)
        except SlotMovedError:
            log.warning("slot was written by another or rolled back: loading it again", slot=str(owned.name))
            owned.reload(self._next_generation(), self._clock())
            self._fetching.remove([owned.name], self._start)

    def _noting(self, owned: OwnedSlot, step: Callable[[], Result]) -> Result:
        """Take a step. Where it shows that a person must decide, that is noted before the error ends the worker."""
        self._observed.turned()
        try:
            return step()
        except (Blocked, ConfigurationError) as error:
            self._observed.slot(owned.name).blocked(error)
            raise

    def _loaded(self) -> Iterator[tuple[SlotName, Slot[Any]]]:
        return ((name, owned.slot) for name, owned in self._owned.items() if owned.slot is not None)

    def _load_waiting(self) -> None:
        if self._stopping():
            return
        now = self._clock()
        waiting = [owned for owned in self._owned.values() if owned.slot is None and now >= owned.pace.retry_at]
        if not waiting:
            return
        try:
            stored = {owned.name: self._noting(owned, owned.stored) for owned in waiting}
            around = self._broker.surroundings({name: one.header if one else None for name, one in stored.items()})
            for owned in waiting:
                self._noting(owned, partial(self._load, owned, stored[owned.name], around[owned.name]))
        except Unavailable as error:
            log.warning("waiting to load slots", error=str(error))
            for owned in waiting:
                if owned.slot is None:
                    owned.put_off(now, str(error))

    def _load(self, owned: OwnedSlot, stored: RedoRecord | None, around: Surroundings) -> None:
        name, now = owned.name, self._clock()
        try:
            header = owned.load(stored, around, now)
        except BeyondLogEnd as error:
            if now - self._beyond_since.setdefault(name, now) > LOG_END_SECONDS:
                raise
            owned.put_off(now, str(error))
            return
        except Unavailable as error:  # of this slot alone, such as one that is being emptied: the others go on
            log.warning("waiting to load a slot", slot=str(name), error=str(error))
            owned.put_off(now, str(error))
            return
        self._beyond_since.pop(name, None)
        self._fetching.add(name, self._start)
        log.info("slot loaded", slot=str(name), offset=header.next_offset, counted=header.counted)

    def _start(self, name: SlotName) -> TopicPartition:
        owned = self._owned[name]
        assert owned.slot is not None  # noqa: S101  what is fetched is loaded
        return start_of(name, owned.slot.header, owned.position)


def start_of(name: SlotName, header: Header, position: int) -> TopicPartition:
    """Where to read on, and under which leader epoch, if the header has that of the record before it."""
    if header.leader_epoch is None or header.epoch_offset != position:
        return TopicPartition(name.topic, name.partition, position)
    return TopicPartition(name.topic, name.partition, position, leader_epoch=header.leader_epoch)


def _quietly(what: str, step: Callable[[], object]) -> None:
    """A callback must not raise (point 3): what fails here heals by a reload or by the next owner."""
    try:
        step()
    except (KafkaException, EngagementError, RuntimeError) as error:
        log.error("callback failed", step=what, error=str(error))  # noqa: TRY400  what it was is all there is to say


def _texts(partitions: list[TopicPartition]) -> list[str]:
    return [f"{place.topic}/{place.partition}" for place in partitions]
