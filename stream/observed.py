"""What a worker notes about itself while it works: plain assignments per batch and per checkpoint, nothing per event.

The worker's thread writes and others read. A read copies the whole state while it holds the interpreter lock, as
msgspec encodes without giving it up, so no lock of its own is needed and a copy is one moment's truth.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from confluent_kafka import KafkaError

from schemas.exits import Blocked, ConfigurationError, Obstacle
from store.layout import Header, SlotName
from store.redo import RedoRecord
from store.slots import Answer
from stream.batch import Batch
from stream.worker_state import Block, SlotState, Stage, TopicState, WorkerState

if TYPE_CHECKING:
    from numpy.typing import NDArray

ERROR = "error"
"""The outcome of a checkpoint that got no answer."""
_MEMORY = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(WorkerState).decode


class ObservedSlot:
    """The notes about one slot. All methods are for the worker's thread."""

    def __init__(self, state: SlotState, topic: TopicState) -> None:
        self._state = state
        self._topic = topic
        self._taken: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque()
        """Offsets and timestamps of the records that are not stored yet."""
        self._refused: dict[str, int] = {}
        """By reason, since the newest checkpoint was built."""
        self._passed: dict[str, int] = {}
        """Those that it passes, until it is true."""

    def loaded(self, header: Header) -> None:
        """Memory holds what the header says."""
        self._state.topic_id = header.topic_id
        self._state.waiting_for = None
        self._stands_at(header)

    def forgot(self) -> None:
        """Memory was thrown away; the slot has to be loaded again."""
        self._taken.clear()
        self._refused, self._passed = {}, {}
        self._state.stored_offset = self._state.uncounted_timestamp = None

    def moved(self) -> None:
        """Another wrote the slot, or Redis was rolled back."""
        self._state.reloads += 1

    def took(self, batch: Batch) -> None:
        """Records came in."""
        stored = self._state.stored_offset or 0
        if batch.values and batch.offsets[-1] >= stored:
            if not self._taken:
                self._state.uncounted_timestamp = int(batch.timestamps[np.searchsorted(batch.offsets, stored)])
            self._taken.append((batch.offsets, batch.timestamps))

    def refused(self, reason: str) -> None:
        """A record is not counted; it is shown as such once a checkpoint has passed it."""
        self._refused[reason] = self._refused.get(reason, 0) + 1

    def built(self) -> None:
        """A checkpoint passes the records refused so far."""
        self._passed, self._refused = self._refused, {}

    def answered(self, outcome: Answer | None, seconds: float, size: int) -> None:
        """A checkpoint was sent; None stands for no answer."""
        name = outcome or ERROR
        self._state.checkpoints[name] = self._state.checkpoints.get(name, 0) + 1
        self._topic.seconds.observe(seconds)
        self._topic.sizes.observe(size)

    def stored(self, before: RedoRecord | None, record: RedoRecord) -> None:
        """The checkpoint built last is true: what it adds to the one before it counts."""
        state, after = self._state, record.header
        state.counted += after.counted - (before.header.counted if before else 0)
        state.late += after.late - (before.header.late if before else 0)
        for reason, count in self._passed.items():
            state.rejected[reason] = state.rejected.get(reason, 0) + count
        self._passed = {}
        state.waiting_for = None
        self._stands_at(after)

    def _stands_at(self, header: Header) -> None:
        state, at = self._state, header.next_offset
        state.stored_offset = at
        state.newest_day = header.newest_day
        state.slot_bytes = sum(header.lengths.values())
        while self._taken and self._taken[0][0][-1] < at:
            self._taken.popleft()
        if self._taken:
            offsets, timestamps = self._taken[0]
            state.uncounted_timestamp = int(timestamps[np.searchsorted(offsets, at)])
        else:
            state.uncounted_timestamp = None

    def waits(self, reason: str) -> None:
        """A step got no answer."""
        self._state.waits += 1
        self._state.waiting_for = reason

    def goes_on(self) -> None:
        """Redis answers again."""
        self._state.waiting_for = None

    def blocked(self, error: Blocked | ConfigurationError) -> None:
        """A person must decide."""
        obstacle = error.obstacle if isinstance(error, Blocked) else Obstacle.TIMEZONE
        self._state.blocked = Block(obstacle, str(error))


class Observed:
    """The notes about one worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = WorkerState(os.getpid(), clock())
        self._slots: dict[SlotName, ObservedSlot] = {}
        self._unshared: set[tuple[str, ...]] | None = set()
        """Members that the group has not told their share, by their topics; None where it says nothing."""

    def slot(self, name: SlotName) -> ObservedSlot:
        """The notes about a slot, the same ones whenever it is owned."""
        found = self._slots.get(name)
        if found is None:
            state = self._state.slots[str(name)] = SlotState(name.topic, name.partition)
            topic = self._state.topics.setdefault(name.topic, TopicState())
            found = self._slots[name] = ObservedSlot(state, topic)
        return found

    def turned(self) -> None:
        """The loop took a step."""
        self._state.turned_at = self._clock()

    def reached(self, stage: Stage) -> None:
        """The worker is that far."""
        self._state.stage = stage
        self.turned()

    def assigned(self, name: SlotName) -> None:
        """The group gave it to this worker."""
        self.slot(name)
        self._state.slots[str(name)].owned = True

    def released(self, name: SlotName) -> None:
        """It is no longer this worker's."""
        if name in self._slots:
            self._slots[name].forgot()
            self._state.slots[str(name)].clear()

    def joins(self, members: Collection[tuple[str, ...]], *, told: bool) -> None:
        """The worker asks the group for a share, as one member or several, each of some topics.

        Where it is not ``told`` of a share that is nothing, silence is no sign of trouble.
        """
        self._unshared = set(members) if told else None
        self._state.in_group = not told

    def rebalanced(self, kind: str, member: tuple[str, ...]) -> None:
        """The group changed what a member of this worker owns: assigned, revoked or lost."""
        if self._unshared is not None:
            (self._unshared.add if kind == "lost" else self._unshared.discard)(member)
            self._state.in_group = not self._unshared
        self._state.rebalances[kind] = self._state.rebalances.get(kind, 0) + 1

    def kafka_error(self, error: KafkaError) -> None:
        """A Kafka client had an error; it goes on by itself."""
        name = error.name()
        self._state.kafka_errors[name] = self._state.kafka_errors.get(name, 0) + 1

    def owned(self) -> list[SlotState]:
        """The notes about the slots that are owned now, to read and, by a watcher of their lag, to add to."""
        return [state for state in list(self._state.slots.values()) if state.owned]

    def encoded(self) -> bytes:
        """The state as of now."""
        self._state.cpu_seconds = time.process_time()
        self._state.resident_bytes = _resident_bytes()
        return _encode(self._state)

    def state(self) -> WorkerState:
        """A copy of the state as of now."""
        return _decode(self.encoded())


def decoded(encoded: bytes) -> WorkerState:
    """What `Observed.encoded` gave."""
    return _decode(encoded)


def _resident_bytes() -> int | None:
    """The memory of this process, None on systems without /proc."""
    try:
        return int(_MEMORY.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return None
