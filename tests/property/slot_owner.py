"""The owner of an actions slot on a dict of keys, to be cut off anywhere: ``stream.owned`` without its waiting."""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from schemas.moments import Calendar
from schemas.rejects import Reject
from store.layout import Header, SlotName, minute_log
from store.redo import RedoRecord
from store.slots import Answer
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.batch import Batch
from stream.limits import Limits
from stream.slot import SlotRules
from tests.property.key_space import KeySpace
from tests.property.plain_slot import Figures, LogRecord, PlainRules
from tests.property.stored_figures import StoredFigures

CHUNK_BYTES = 64
NAME = SlotName("t.actions", 0)
STATE_IDS = itertools.count(1)


@contextmanager
def small_limits() -> Iterator[None]:
    """Make chunks, writes and days in memory few, so that every example meets their ends."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("store.redo", "store.slots", "stream.cells"):
            patch.setattr(f"{module}.CHUNK_BYTES", CHUNK_BYTES)
        patch.setattr("stream.action_slot.MOST_WRITES", 3)
        patch.setattr("stream.action_slot.SPARE_DAYS", 1)
        patch.setattr("stream.action_slot.MOST_BYTES", 64)
        yield


def slot_rules(rules: PlainRules) -> SlotRules:
    """The same rules as the slot takes them."""
    given = {name: most for name, most in dataclasses.asdict(rules.limits).items() if most != math.inf}
    return SlotRules(
        Calendar(rules.timezone),
        rules.lateness_days,
        rules.retention_days,
        1 << 20,
        user_scores=rules.user_scores,
        limits=Limits(**given),
    )


def batch_of(records: list[LogRecord], end: int, generation: int = 1) -> Batch:
    """The records as the consumer hands them on; ``end`` is how far the log is known to hold nothing else."""
    return Batch(
        NAME,
        generation,
        records,
        [record.value for record in records],
        np.array([record.offset for record in records], np.int64),
        np.array([record.timestamp for record in records], np.int64),
        end,
        None,
    )


@dataclass
class Owner:
    """What is in memory, and what Redis holds. ``reasons`` has why an offset was refused, the same each time."""

    log: list[LogRecord]
    rules: PlainRules
    keys: KeySpace
    reasons: dict[int, str] = field(default_factory=dict)
    slot: ActionSlot = field(init=False)
    stored: RedoRecord | None = field(init=False)
    pending: RedoRecord | None = field(init=False)

    def __post_init__(self) -> None:
        self.load()

    def load(self) -> None:
        """Start anew from what Redis holds."""
        self.stored, self.pending = self.keys.stored(), None
        if self.stored is None:
            header = Header(timezone=self.rules.timezone, topic_id="t", next_offset=0, first_offset=0)
            self.slot = ActionSlot(header, slot_rules(self.rules), dict.fromkeys(LOADED_AT_START, b""))
        else:
            strings = self.keys.read(self.stored, LOADED_AT_START)
            self.slot = ActionSlot(self.stored.header, slot_rules(self.rules), strings)

    def fold(self, size: int, *, again: int = 0, past_gap: bool = False) -> None:
        """Count the next ``size`` records, in a batch that begins ``again`` records earlier."""
        next_offset = self.slot.header.next_offset
        at = next((i for i, record in enumerate(self.log) if record.offset >= next_offset), len(self.log))
        records = self.log[max(0, at - again) : at + size]
        following = self.log[at + size : at + size + 1]
        end = following[0].offset if following and past_gap else records[-1].offset + 1 if records else 0
        batch = batch_of(records, end).from_offset(next_offset)
        prepared = self.slot.prepare(batch)
        missing = self.slot.missing(prepared)
        if missing:
            current = self.keys.stored()
            assert current is not None
            self.slot.supply(self.keys.read(current, missing))
        self.slot.apply(prepared)
        self._note_reasons(prepared.rejects, batch)

    def _note_reasons(self, rejects: list[tuple[int, Reject]], batch: Batch) -> None:
        for at, refused in rejects:
            assert self.reasons.setdefault(int(batch.offsets[at]), refused.reason.value) == refused.reason.value

    def build(self) -> RedoRecord:
        """The checkpoint that waits for an answer, or a new one."""
        if self.pending is None:
            for day in self.slot.closable():
                name = minute_log(day)
                log = self.keys.read(self.stored, [name])[name] if self.stored else b""
                self.slot.close(day, log)
            self.pending = self.slot.build(next(STATE_IDS).to_bytes(16, "big"), self.stored)
            assert self.pending.header.previous == (self.stored.state_id if self.stored else b"")
        return self.pending

    def checkpoint(self) -> None:
        """Send until answered."""
        record = self.build()
        assert self.keys.checkpoint(self.stored, record) in (Answer.APPLIED, Answer.ALREADY)
        self.stored, self.pending = record, None
        self.slot.confirmed()

    def lose_request(self) -> None:
        """Send in vain."""
        self.build()

    def lose_reply(self) -> None:
        """Send, and never hear of it."""
        record = self.build()
        assert self.keys.checkpoint(self.stored, record) in (Answer.APPLIED, Answer.ALREADY)

    def die_midway(self, writes: int) -> None:
        """Send, and Redis ends within the script."""
        record = self.build()
        assert self.keys.checkpoint(self.stored, record, dies_after=writes) in (None, Answer.ALREADY)

    def held(self) -> Figures | None:
        """What any reader finds now, None for nothing."""
        record = self.keys.stored()
        if record is None:
            return None
        return StoredFigures(record.header, self.keys.read(record, record.header.lengths)).read()
