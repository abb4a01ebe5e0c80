"""The way from log to figures without servers: real folds and redo records, and a model of what Redis does."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jobs.days import USAGE_DAYS, Window
from jobs.inputs import Inputs
from jobs.snapshot import Slots, read_inputs
from schemas.settings import Settings
from store.layout import Header, SlotName, minute_log
from store.offsets import LogBounds
from store.redo import RedoRecord
from store.slots import SlotStore, Snapshot
from stream import account_slot, action_slot
from stream.account_slot import AccountSlot
from stream.action_slot import ActionSlot
from stream.batch import Batch
from stream.slot import Slot, SlotRules

TOPIC_ID = "a topic"
BATCH = 7
BATCHES_A_CHECKPOINT = 2


@dataclass(frozen=True)
class Laid:
    """A record in its place: `timestamp` is the Kafka record's own, in ms."""

    partition: int
    value: Mapping[str, object] | None
    timestamp: int = 4_102_444_800_000
    account: str = ""

    def key(self) -> bytes:
        return self.account.encode()

    @property
    def encoded(self) -> bytes | None:
        return None if self.value is None else json.dumps(self.value).encode()


@dataclass
class Redis:
    """What a Redis holds of one slot: strings that lag one checkpoint behind, and the record that is true."""

    strings: dict[str, bytearray] = field(default_factory=dict)
    record: RedoRecord | None = None

    def checkpoint(self, record: RedoRecord) -> None:
        """What `checkpoint.lua` does."""
        self._lay(self.strings)
        for string, _ in self.record.drops if self.record else ():
            self.strings.pop(string, None)
        self.record = record

    def _lay(self, strings: dict[str, bytearray]) -> None:
        for write in self.record.writes() if self.record else ():
            held = strings.setdefault(write.string, bytearray())
            held.extend(bytes(max(0, write.position + len(write.data) - len(held))))
            held[write.position : write.position + len(write.data)] = write.data

    def read(self, names: Collection[str]) -> dict[str, bytearray]:
        """The named strings as a reader sees them; what the header does not name is empty."""
        lengths = self.record.header.lengths if self.record else {}
        seen = {name: bytearray(self.strings.get(name, b"")) for name in lengths}
        self._lay(seen)
        return {name: seen.get(name, bytearray())[: lengths.get(name, 0)] for name in names}


class Model(SlotStore):
    """The slots of one system."""

    def __init__(self, slots: Mapping[SlotName, Redis]) -> None:
        self._slots = slots

    def snapshot(self, slot: SlotName, choose: Callable[[Header], Collection[str]]) -> Snapshot | None:
        held = self._slots[slot]
        if held.record is None:
            return None
        return Snapshot(held.record.header, held.read(choose(held.record.header)))


@dataclass(frozen=True)
class System:
    """Everything that was counted of two logs."""

    settings: Settings
    slots: Mapping[SlotName, Redis]

    def inputs(self, as_of: int) -> Inputs:
        """What a run of that day reads."""
        topics = self.settings.topics
        bounds = {
            slot: LogBounds(0, held.record.header.next_offset if held.record else 0)
            for slot, held in self.slots.items()
        }
        slots = Slots(bounds, dict.fromkeys((topics.actions, topics.accounts), TOPIC_ID))
        return read_inputs(Model(self.slots), slots, self.settings, Window(as_of, USAGE_DAYS))

    @property
    def late(self) -> int:
        return sum(held.record.header.late for held in self.slots.values() if held.record)


def count_logs(settings: Settings, actions: Sequence[Laid], accounts: Sequence[Laid], partitions: int = 3) -> System:
    """Count both logs, every partition in its order."""
    rules = SlotRules.of(settings)
    slots = {}
    for topic, log in ((settings.topics.actions, actions), (settings.topics.accounts, accounts)):
        for partition in range(partitions):
            records = [record for record in log if record.partition == partition]
            slots[SlotName(topic, partition)] = _count(SlotName(topic, partition), rules, settings, records)
    return System(settings, slots)


def _count(name: SlotName, rules: SlotRules, settings: Settings, records: Sequence[Laid]) -> Redis:
    """Count one partition, and start anew from what is stored after every few checkpoints."""
    redis, of_actions = Redis(), name.topic == settings.topics.actions
    header = Header(settings.timezone, TOPIC_ID, 0, 0)
    batches = list(_batches(name, records))
    for start in range(0, len(batches), 2 * BATCHES_A_CHECKPOINT):
        header = redis.record.header if redis.record else header
        names = action_slot.LOADED_AT_START if of_actions else account_slot.LOADED_AT_START
        kind: Callable[..., Slot[Any]] = ActionSlot if of_actions else AccountSlot
        slot = kind(header, rules, redis.read(names))
        for at, batch in enumerate(batches[start : start + 2 * BATCHES_A_CHECKPOINT], 1):
            prepared = slot.prepare(batch)
            assert not prepared.rejects, prepared.rejects
            slot.supply(redis.read(slot.missing(prepared)))
            slot.apply(prepared)
            if at % BATCHES_A_CHECKPOINT == 0:
                _checkpoint(slot, redis)
        if slot.changed:
            _checkpoint(slot, redis)
    return redis


def _checkpoint(slot: Slot[Any], redis: Redis) -> None:
    if isinstance(slot, ActionSlot):
        for day in slot.closable():
            name = minute_log(day)
            slot.close(day, redis.read([name])[name])
    sequence = slot.header.sequence + 1
    redis.checkpoint(slot.build(sequence.to_bytes(16, "big"), redis.record))
    slot.confirmed()


def _batches(name: SlotName, records: Sequence[Laid]) -> Iterator[Batch]:
    for start in range(0, len(records), BATCH):
        part = records[start : start + BATCH]
        end = start + len(part)
        timestamps = np.array([record.timestamp for record in part], np.int64)
        values = [record.encoded for record in part]
        yield Batch(name, 0, part, values, np.arange(start, end), timestamps, end, None)
