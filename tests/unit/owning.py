"""Owned slots on a real Redis whose requests and replies get lost when a test says so."""

import itertools
from collections.abc import Callable, Collection
from typing import TypeVar

import redis

from schemas.exits import Unavailable
from store.layout import SlotName
from store.offsets import LogBounds
from store.redo import RedoRecord
from store.slots import Answer, SlotStore
from stream.guard import Surroundings
from stream.loading import Parts
from stream.observed import Observed
from stream.owned import OwnedSlot, SlotMovedError
from stream.rejects import RejectSender, Tally
from tests.property.plain_slot import Figures, LogRecord, PlainRules
from tests.property.slot_owner import batch_of, slot_rules
from tests.property.stored_figures import StoredFigures

LOST_REQUEST, LOST_REPLY = "lost request", "lost reply"
_IDS = itertools.count(1)

Result = TypeVar("Result")


class LossyStore(SlotStore):
    """The real store; ``losses`` says what happens to the next calls, one by one, and then all is well."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.losses: list[str | None] = []
        self.sent: list[bytes] = []
        """State ids of checkpoints, as often as they were sent."""

    def _lossy(self, call: Callable[[], Result]) -> Result:
        loss = self.losses.pop(0) if self.losses else None
        if loss == LOST_REQUEST:
            raise Unavailable(loss)
        result = call()
        if loss == LOST_REPLY:
            raise Unavailable(loss)
        return result

    def stored(self, slot: SlotName) -> RedoRecord | None:
        return self._lossy(lambda: super(LossyStore, self).stored(slot))

    def state_id(self, slot: SlotName) -> bytes:
        return self._lossy(lambda: super(LossyStore, self).state_id(slot))

    def read(self, slot: SlotName, record: RedoRecord, strings: Collection[str]) -> dict[str, bytearray]:
        return self._lossy(lambda: super(LossyStore, self).read(slot, record, strings))

    def checkpoint(self, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:
        self.sent.append(record.state_id)
        return self._lossy(lambda: super(LossyStore, self).checkpoint(slot, stored, record))


class Undelivered(RejectSender):
    """Takes rejects, and has them delivered when a test says so."""

    def __init__(self) -> None:
        self._tallies: list[Tally] = []

    def send(self, tally: Tally, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:  # noqa: ARG002  as it is called
        tally.outstanding += 1
        self._tallies.append(tally)

    def pump(self, seconds: float = 0.0) -> None:
        """Nothing happens by itself."""

    def deliver(self) -> None:
        for tally in self._tallies:
            tally.delivered()
        self._tallies = []


class Worker:
    """An owner of one slot that reads its log as a consumer would: from where its slot was loaded, batch by batch."""

    def __init__(self, store: LossyStore, name: SlotName, log: list[LogRecord], rules: PlainRules) -> None:
        self.store, self.rejects, self.log = store, Undelivered(), log
        self.now = 0.0
        self.observed = Observed()
        self._name, self._rules, self._generation = name, rules, 0
        self.restart()

    def restart(self) -> None:
        """A new process."""
        parts = Parts(
            self.store,
            self.rejects,
            slot_rules(self._rules),
            self._rules.timezone,
            self._name.topic,
            lambda: next(_IDS).to_bytes(16, "big"),
            self.observed,
        )
        self.owned = OwnedSlot(self._name, self._next_generation(), parts)
        self.position = 0

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def load(self) -> None:
        """Load the slot if it has to be, and is due."""
        if self.owned.slot is not None or self.now < self.owned.pace.retry_at:
            return
        around = Surroundings("t", LogBounds(0, 1 << 40))
        try:
            self.position = self.owned.load(self.owned.stored(), around, self.now).next_offset
        except Unavailable as error:
            self.owned.put_off(self.now, str(error))

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except SlotMovedError:
            self.owned.reload(self._next_generation(), self.now)

    def read(self, size: int) -> None:
        """Count the next records of the log; a paused partition gives none."""
        if self.owned.slot is None or self.owned.stalled:
            return
        records = [record for record in self.log if record.offset >= self.position][:size]
        self.hand_on(records, self.owned.generation)
        self.position = records[-1].offset + 1 if records else self.position

    def hand_on(self, records: list[LogRecord], generation: int) -> None:
        batch = batch_of(records, records[-1].offset + 1 if records else 0, generation)
        self._attempt(lambda: self.owned.take(batch, self.now))

    def tick(self, seconds: float) -> None:
        """Do what is due after that time."""
        self.now += seconds
        self.rejects.deliver()
        self.load()
        self._attempt(lambda: self.owned.tick(self.now))

    def store_all(self) -> None:
        """Count the rest of the log and let go."""
        self.read(len(self.log))
        for _ in range(9):
            if self.owned.unstored:
                self.owned.store(self.now)
        assert not self.owned.unstored


def stored_figures(client: redis.Redis, name: SlotName) -> tuple[int, Figures] | None:
    """The next offset and the figures that a reader finds, None for nothing."""
    found = SlotStore(client).snapshot(name, lambda header: header.lengths)
    return (found.header.next_offset, StoredFigures(found.header, found.strings).read()) if found else None
