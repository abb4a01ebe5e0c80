"""One partition that this process owns: its slot in memory, its checkpoints, and the records it has in hand.

Its state: ``slot`` is None while it has to be loaded (first, and after every reload); ``_pending`` is a checkpoint that
was sent and not answered. An error is not an answer: the same record with the same state id is sent until there is one.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from schemas.exits import Blocked, Denied, Unavailable
from schemas.rejects import reject_headers
from store.layout import Header, SlotName, minute_log
from store.redo import RedoRecord
from store.slots import Answer
from stream.action_slot import ActionSlot
from stream.batch import Batch
from stream.confirmed import Confirmed
from stream.guard import Surroundings
from stream.loading import Parts, loaded_slot
from stream.pace import Pace
from stream.rejects import Tally, UndeliveredError
from stream.slot import Prepared, Slot

log = structlog.get_logger()

CHECKPOINT_SECONDS = 1.0
CHECKPOINT_EVENTS = 200_000
IDLE_CHECK_SECONDS = 3.0


class SlotMovedError(Exception):
    """Somebody else wrote the slot, or Redis was rolled back: what is in memory is void."""


class OwnedSlot:
    """See the module. ``now`` is always a monotonic time in seconds."""

    def __init__(self, name: SlotName, generation: int, parts: Parts) -> None:
        self.name = name
        self.generation = generation
        self.slot: Slot[Any] | None = None
        self.pace = Pace()
        self.refused = False
        """Whether the last checkpoint cannot be stored, however often it is tried."""
        self._parts = parts
        self._notes = parts.observed.slot(name)
        self._forget()

    def _forget(self) -> None:
        self.slot = None
        self._stored: RedoRecord | None = None
        self._pending: RedoRecord | None = None
        self._in_hand: deque[Batch] = deque()
        self._tally = Tally()
        self._confirmed = Confirmed()
        self._events = 0
        self._written_at = 0.0
        self._compared_at = 0.0
        self._notes.forgot()

    @property
    def stalled(self) -> bool:
        """Whether no more records should be fetched for now."""
        return self.pace.pause > 0.0

    @property
    def position(self) -> int:
        """The offset after the last record that was taken, counted or still in hand."""
        assert self.slot is not None  # noqa: S101  callers check
        return max(self.slot.header.next_offset, self._in_hand[-1].end if self._in_hand else 0)

    def stored(self) -> RedoRecord | None:
        """What Redis holds of the slot now; the first step of loading."""
        return self._parts.store.stored(self.name)

    def load(self, stored: RedoRecord | None, around: Surroundings, now: float) -> Header:
        """Fill memory from ``stored``, read before anything else; a write in between makes the next checkpoint void.

        Returns the header that says where to read on. Raises what ``loaded_slot`` raises.
        """
        self.slot = loaded_slot(self.name, stored, around, self._parts)
        self._stored = stored
        self._written_at = self._compared_at = now
        self._notes.loaded(self.slot.header)
        return self.slot.header

    def reload(self, generation: int, now: float) -> None:
        """Throw away all that is in memory, records in hand included; wait the longer, the more often in a row."""
        self._forget()
        self._notes.moved()
        self.generation = generation
        self.pace.moved(now)

    def put_off(self, now: float, why: str) -> None:
        """Loading did not work out; try again later."""
        self._notes.waits(why)
        self.pace.back_off(now)

    def take(self, batch: Batch, now: float) -> None:
        """Count a batch of this generation, or keep it in hand where Redis does not answer; drop others."""
        if self.slot is None or batch.generation != self.generation:
            return
        self._in_hand.append(batch)
        self._notes.took(batch)
        if not self.stalled:
            self._attempt(lambda: self._fold_in_hand(now), now)

    def tick(self, now: float) -> None:
        """Do what is due. Raises ``SlotMovedError``."""
        if self.slot is None or now < self.pace.retry_at:
            return
        self._attempt(lambda: self._work(now), now)

    @property
    def unstored(self) -> bool:
        """Whether memory holds what Redis has not confirmed."""
        return self.slot is not None and (bool(self._in_hand) or self._pending is not None or self.slot.changed)

    def store(self, now: float) -> None:
        """Try once to write all that is counted, due or not, before the owner lets go."""
        try:
            self._fold_in_hand(now)
            self._checkpoint(now)
        except Unavailable as error:
            log.warning("waiting to store the last checkpoint", slot=str(self.name), error=str(error))
        except (Denied, Blocked) as error:
            self.refused = True
            log.error("the last checkpoint is not stored", slot=str(self.name), error=str(error))  # noqa: TRY400  all there is to say
        except SlotMovedError:
            log.warning("slot was written by another or rolled back", slot=str(self.name))
            self._forget()

    def committable(self, now: float) -> int | None:
        """The newest offset that Redis confirmed long enough ago, if it is new since the last call."""
        return self._confirmed.committable(now)

    def _attempt(self, step: Callable[[], None], now: float) -> None:
        try:
            step()
        except UndeliveredError as error:
            if self._tally.is_late(now):
                self._wait(now, error)
            else:  # where many are refused that is every checkpoint, and no trouble
                self.pace.catch_breath(now)
        except Unavailable as error:
            self._wait(now, error)

    def _wait(self, now: float, error: Unavailable) -> None:
        self.pace.back_off(now)
        self._notes.waits(str(error))
        log.warning("waiting", slot=str(self.name), error=str(error), again_in=self.pace.pause)

    def _work(self, now: float) -> None:
        assert self.slot is not None  # noqa: S101  tick checks
        self._fold_in_hand(now)
        due = now - self._written_at >= CHECKPOINT_SECONDS or self._events >= CHECKPOINT_EVENTS
        if self._pending is not None or (self.slot.changed and due):
            self._checkpoint(now)
        elif now - self._compared_at >= IDLE_CHECK_SECONDS:
            self._compare(now)
        elif not self._tally.outstanding:
            self._go_on()

    def _fold_in_hand(self, now: float) -> None:
        slot = self.slot
        while slot is not None and self._in_hand:
            if self._tally.outstanding and self._parts.rejects.full:
                raise self._undelivered
            batch = self._in_hand[0].from_offset(slot.header.next_offset)
            prepared = slot.prepare(batch)
            room = slot.fits(prepared)
            if not room and batch.values:
                self._checkpoint(now)
                continue
            if room < len(batch.values):
                batch = batch.first(room)
                prepared = slot.prepare(batch)
            missing = slot.missing(prepared)
            if missing and self._stored is not None:
                slot.supply(self._read(missing))
            with self._whole():
                slot.apply(prepared)
            if batch.end >= self._in_hand[0].end:
                self._in_hand.popleft()
            self._events += len(batch.values)
            self._send_rejects(prepared)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What breaks off halfway voids the memory: the last checkpoint of a dying process must not hold half."""
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _read(self, strings: Collection[str]) -> Mapping[str, bytearray]:
        """Strings of the slot as of our last checkpoint, confirmed or sent and not answered yet."""
        store = self._parts.store
        ours = {record.state_id for record in (self._stored, self._pending) if record is not None}
        stored = store.stored(self.name)
        if stored is None or stored.state_id not in ours:
            raise SlotMovedError
        return store.read(self.name, stored, strings)

    def _send_rejects(self, prepared: Prepared) -> None:
        batch = prepared.batch
        for at, refused in prepared.rejects:
            self._notes.refused(refused.reason)
            headers = reject_headers(refused, self.name.topic, self.name.partition, int(batch.offsets[at]))
            self._parts.rejects.send(self._tally, batch.messages[at].key(), batch.values[at], headers)

    def _checkpoint(self, now: float) -> None:
        """1. Rejects are delivered. 2. Days are closed. 3. The record is built, once. 4. It is sent until answered."""
        assert self.slot is not None  # noqa: S101  callers check
        if self._pending is None:
            if self._tally.outstanding:
                self._parts.rejects.pump(0.05)
            if self._tally.outstanding:
                raise self._undelivered
            self._close_days()
            with self._whole():
                self._pending = self.slot.build(self._parts.new_state_id(), self._stored)
            self._notes.built()
            self._events = 0
        if self._send(self._pending) is Answer.OTHER:
            raise SlotMovedError
        self._notes.stored(self._stored, self._pending)
        self._stored, self._pending = self._pending, None
        self._written_at = self._compared_at = now
        self.pace.stored()
        self._confirmed.add(self._stored.header.next_offset, now)
        self.slot.confirmed()

    def _send(self, record: RedoRecord) -> Answer:
        started, answer = time.perf_counter(), None
        try:
            answer = self._parts.store.checkpoint(self.name, self._stored, record)
        finally:
            self._notes.answered(answer, time.perf_counter() - started, len(record.encoded))
        return answer

    @property
    def _undelivered(self) -> UndeliveredError:
        return UndeliveredError(f"{self._tally.outstanding} rejects of {self.name} are not delivered yet")

    def _close_days(self) -> None:
        if not isinstance(self.slot, ActionSlot):
            return
        for day in self.slot.closable():
            name = minute_log(day)
            stored = self._read([name])[name] if self._stored else b""
            with self._whole():
                self.slot.close(day, stored)

    def _compare(self, now: float) -> None:
        """An owner with nothing to write must still notice that Redis was rolled back."""
        expected = self._stored.state_id if self._stored else b""
        if self._parts.store.state_id(self.name) != expected:
            raise SlotMovedError
        self._compared_at = now
        self._go_on()

    def _go_on(self) -> None:
        self.pace.go_on()
        self._notes.goes_on()
