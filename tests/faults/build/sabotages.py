"""The protocol broken on purpose, one rule at a time."""
# ruff: noqa: ANN401  what is wrapped may take and return anything

import secrets
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
import redis
from confluent_kafka import OFFSET_STORED, Consumer, TopicPartition

import stream.assignment
import stream.member
from schemas.exits import Unavailable
from store.layout import CHUNK_BYTES, STATE_ID_BYTES, Header, SlotName
from store.redo import RedoRecord, encode_redo
from store.slots import Answer, SlotStore
from stream.batch import Batch
from stream.owned import OwnedSlot
from stream.slot import Slot
from tests.faults.build import Point, Sabotage
from tests.faults.build.fail_points import FailPoint
from tests.faults.build.seams import Function, after, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEPT_BATCHES = 3
_NO_REDO = """
local stored = redis.call('GETRANGE', KEYS[1], 0, 15)
if stored == string.sub(ARGV[2], 1, 16) then return 'already' end
if stored ~= ARGV[1] then return 'other' end
for i = 4, #ARGV, 3 do redis.call('SETRANGE', KEYS[1 + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]) end
for i = 2 + tonumber(ARGV[3]), #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('SET', KEYS[1], ARGV[2])
return 'applied'
"""


def install(sabotage: Sabotage, fail: FailPoint) -> None:
    """Break the rule."""
    breaks: Mapping[Sabotage, Callable[[FailPoint], None]] = {
        Sabotage.OFFSET_APART: _offset_apart,
        Sabotage.NO_COMPARE: _no_compare,
        Sabotage.NO_REDO: _no_redo,
        Sabotage.KEPT_IN_HAND: _kept_in_hand,
        Sabotage.RESUME_AT_COMMIT: _resume_at_commit,
    }
    breaks[sabotage](fail)


def _offset_apart(fail: FailPoint) -> None:
    """Every checkpoint becomes two good ones: the new offset alone, then the counts."""
    offsets: dict[bytes, RedoRecord] = {}

    def build_both(original: Function) -> Function:
        def build(slot: Slot[Any], state_id: bytes, stored: RedoRecord | None) -> RedoRecord:
            counts: RedoRecord = original(slot, state_id, stored)
            if stored is None:
                return counts
            first = secrets.token_bytes(STATE_ID_BYTES)
            alone = msgspec.structs.replace(counts.header, lengths=stored.header.lengths)
            slot.header = msgspec.structs.replace(counts.header, sequence=counts.header.sequence + 1, previous=first)
            offsets[state_id] = encode_redo(first, alone, [], stored.header)
            return encode_redo(state_id, slot.header, list(counts.writes()), stored.header)

        return build

    def send_both(original: Function) -> Function:
        def checkpoint(store: SlotStore, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:
            alone = offsets.get(record.state_id)
            if alone is None:
                return Answer(original(store, slot, stored, record))
            answer = Answer(original(store, slot, alone, record))  # where only its reply was lost
            if answer is Answer.OTHER and original(store, slot, stored, alone) is not Answer.OTHER:
                fail.passed(Point.BETWEEN_WRITES)
                answer = Answer(original(store, slot, alone, record))
            return answer

        return checkpoint

    wrap(Slot, "build", "self state_id stored", build_both)
    wrap(SlotStore, "checkpoint", "self slot stored record", send_both)


def _no_compare(_: FailPoint) -> None:
    """Whatever is stored is what was expected."""

    def around(original: Function) -> Function:
        def checkpoint(store: SlotStore, slot: SlotName, _: RedoRecord | None, record: RedoRecord) -> Answer:
            return Answer(original(store, slot, store.stored(slot), record))

        return checkpoint

    wrap(SlotStore, "checkpoint", "self slot stored record", around)


def _no_redo(_: FailPoint) -> None:
    """One script lays this checkpoint's writes over the strings and sets the header; nothing repeats them."""
    clients: WeakKeyDictionary[SlotStore, redis.Redis] = WeakKeyDictionary()

    def around(_original: Function) -> Function:
        def checkpoint(store: SlotStore, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:
            numbers = {chunk: number for number, chunk in enumerate(record.chunks, 1)}
            keys = [slot.redo_key, *(slot.chunk_key(*chunk) for chunk in (*record.chunks, *record.drops))]
            writes: list[int | bytes] = []
            for write in record.writes():
                chunk, offset = divmod(write.position, CHUNK_BYTES)
                writes += (numbers[write.string, chunk], offset, write.data)
            header = encode_redo(record.state_id, record.header, [], stored.header if stored else None).encoded
            expected = stored.state_id if stored else b""
            try:
                said = clients[store].eval(_NO_REDO, len(keys), *keys, expected, header, len(record.chunks), *writes)
            except (redis.RedisError, OSError) as error:
                raise Unavailable(f"Redis gave no answer for {slot}: {error}") from error
            return Answer(bytes(said).decode())

        return checkpoint

    after(SlotStore, "__init__", "self client", clients.__setitem__)
    wrap(SlotStore, "checkpoint", "self slot stored record", around)


def _kept_in_hand(_: FailPoint) -> None:
    """The last batches are counted on top of whatever was loaded."""
    taken: WeakKeyDictionary[OwnedSlot, deque[Batch]] = WeakKeyDictionary()

    def keep(owned: OwnedSlot, batch: Batch, _now: float) -> None:
        taken.setdefault(owned, deque(maxlen=_KEPT_BATCHES)).append(batch)

    def give_back(owned: OwnedSlot, generation: int, _now: float) -> None:
        in_hand: deque[Batch] = vars(owned)["_in_hand"]
        in_hand.extend(replace(batch, generation=generation) for batch in taken.get(owned, ()))

    after(OwnedSlot, "take", "self batch now", keep)
    after(OwnedSlot, "reload", "self generation now", give_back)


def _resume_at_commit(_: FailPoint) -> None:
    """Reading starts where the group committed, if it did."""
    consumers: list[Consumer] = []

    def opening(original: Function) -> Function:
        def opened(*args: Any, **named: Any) -> Consumer:
            consumers.append(original(*args, **named))
            return consumers[-1]

        return opened

    def starting(original: Function) -> Function:
        def start_of(name: SlotName, header: Header, position: int) -> TopicPartition:
            place = TopicPartition(name.topic, name.partition)
            found = consumers[-1].committed([place], timeout=10)[0]
            if found.offset < 0:
                start: TopicPartition = original(name, header, position)
                return start
            return TopicPartition(name.topic, name.partition, OFFSET_STORED)

        return start_of

    wrap(stream.member, "kafka_consumer", "settings extra", opening)
    wrap(stream.assignment, "start_of", "name header position", starting)
