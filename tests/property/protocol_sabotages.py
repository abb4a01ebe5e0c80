"""Ways to break the slot protocol, each of which the model must notice: who checks the checker."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from schemas.exits import Unavailable
from store.layout import Header, SlotName
from store.redo import RedoRecord
from store.slots import Answer, SlotStore
from stream.batch import Batch
from stream.guard import Surroundings
from stream.owned import OwnedSlot, SlotMovedError
from stream.rejects import Tally
from tests.property.model_link import Link

Sabotage = Callable[[pytest.MonkeyPatch], None]


def _script(patch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> None:
    register = Link.register_script

    def changed(link: Link, script: str) -> Any:  # noqa: ANN401  anything will do
        for old, new in changes:
            assert script.count(old) == 1, "the product's script has changed"
            script = script.replace(old, new)
        return register(link, script)

    patch.setattr(Link, "register_script", changed)


def no_compare(patch: pytest.MonkeyPatch) -> None:
    """Whoever writes last is right."""
    _script(patch, ("if stored ~= ARGV[1] then return 'other' end", ""))


def set_before_the_stored_writes(patch: pytest.MonkeyPatch) -> None:
    """The new record is true before the strings hold what the one before it says."""
    _script(patch, ("  local index, offset, length\n", "  redis.call('SET', KEYS[1], ARGV[2])\n"))


def redo_left_out(patch: pytest.MonkeyPatch) -> None:
    """Strings are written with the new writes instead of those of the stored record."""
    _script(
        patch,
        ("if stored ~= '' then", "if true then"),
        ("local record = redis.call('GET', KEYS[1])", "local record = ARGV[2]"),
    )

    def checkpoint(store: SlotStore, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:
        drops = stored.drops if stored else ()
        keys = [slot.redo_key, *(slot.chunk_key(*chunk) for chunk in (*record.chunks, *drops))]
        expected, held = stored.state_id if stored else b"", [0] * len(record.chunks)
        try:
            answer = store._script(keys=keys, args=[expected, record.encoded, len(record.chunks), *held])  # noqa: SLF001  what is broken here is private
        except Exception as error:
            raise Unavailable(str(error)) from error
        return Answer(answer.decode())

    patch.setattr(SlotStore, "checkpoint", checkpoint)


def readers_leave_the_redo_record_out(patch: pytest.MonkeyPatch) -> None:
    """Strings are read without what the record says of them."""
    patch.setattr(RedoRecord, "writes", lambda _: iter(()))


def offset_in_a_key_of_its_own(patch: pytest.MonkeyPatch) -> None:
    """The offset is stored beside the counts, after them."""
    write, read = SlotStore.checkpoint, SlotStore.stored

    def checkpoint(store: Any, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:  # noqa: ANN401  anything will do
        answer = write(store, slot, stored, record)
        if answer is not Answer.OTHER:
            try:
                store._client.set(f"{slot.tag}:offset", str(record.header.next_offset).encode())  # noqa: SLF001  what is broken here is private
            except Exception as error:
                raise Unavailable(str(error)) from error
        return answer

    def stored(store: Any, slot: SlotName) -> RedoRecord | None:  # noqa: ANN401  anything will do
        record, offset = read(store, slot), store._get(f"{slot.tag}:offset")  # noqa: SLF001  what is broken here is private
        if record is None or offset is None:
            return record
        return msgspec.structs.replace(record, header=msgspec.structs.replace(record.header, next_offset=int(offset)))

    patch.setattr(SlotStore, "checkpoint", checkpoint)
    patch.setattr(SlotStore, "stored", stored)


def error_taken_for_refused(patch: pytest.MonkeyPatch) -> None:
    """A checkpoint without an answer is forgotten, and the next one is built on the same stored record."""
    checkpoint = OwnedSlot._checkpoint  # noqa: SLF001  what is broken here is private

    def forgetting(owned: OwnedSlot, now: float) -> None:
        try:
            checkpoint(owned, now)
        except Unavailable:
            owned._pending = None  # noqa: SLF001  what is broken here is private
            raise

    patch.setattr(OwnedSlot, "_checkpoint", forgetting)


def records_in_hand_kept_over_a_reload(patch: pytest.MonkeyPatch) -> None:
    """What was fetched for the memory that is void is counted into the new one."""
    reload = OwnedSlot.reload

    def keeping(owned: OwnedSlot, generation: int, now: float) -> None:
        in_hand = owned._in_hand  # noqa: SLF001  what is broken here is private
        reload(owned, generation, now)
        owned._in_hand = in_hand  # noqa: SLF001  what is broken here is private

    patch.setattr(OwnedSlot, "reload", keeping)


def memory_kept_over_a_reload(patch: pytest.MonkeyPatch) -> None:
    """Only the expected state id is learned anew."""

    def reload(owned: OwnedSlot, generation: int, now: float) -> None:
        owned.generation, owned.pace.retry_at = generation, now
        owned._pending, owned._stored = None, owned.stored()  # noqa: SLF001  what is broken here is private

    patch.setattr(OwnedSlot, "reload", reload)


def strings_read_without_the_compare(patch: pytest.MonkeyPatch) -> None:
    """Strings that are missing are taken from whatever is stored now."""

    def read(owned: OwnedSlot, strings: Collection[str]) -> Mapping[str, bytearray]:
        store = owned._parts.store  # noqa: SLF001  what is broken here is private
        stored = store.stored(owned.name)
        if stored is None:
            raise SlotMovedError
        return store.read(owned.name, stored, strings)

    patch.setattr(OwnedSlot, "_read", read)


def strings_loaded_before_the_header(patch: pytest.MonkeyPatch) -> None:
    """The next checkpoint expects what is stored after the load, instead of what was loaded."""
    load = OwnedSlot.load

    def loading(owned: OwnedSlot, stored: RedoRecord | None, around: Surroundings, now: float) -> Header:
        header = load(owned, stored, around, now)
        owned._stored = owned.stored()  # noqa: SLF001  what is broken here is private
        return header

    patch.setattr(OwnedSlot, "load", loading)


def half_counted_memory_kept(patch: pytest.MonkeyPatch) -> None:
    """What breaks off halfway is stored as it is."""
    patch.setattr(OwnedSlot, "_whole", lambda _: nullcontext())


def generation_ignored(patch: pytest.MonkeyPatch) -> None:
    """Records of an older assignment are counted."""
    take = OwnedSlot.take

    def taking(owned: OwnedSlot, batch: Batch, now: float) -> None:
        take(owned, replace(batch, generation=owned.generation), now)

    patch.setattr(OwnedSlot, "take", taking)


def offsets_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """Records that are counted already are taken for the next ones."""
    take = OwnedSlot.take

    def taking(owned: OwnedSlot, batch: Batch, now: float) -> None:
        if owned.slot is not None and batch.values:
            behind = max(0, owned.position - int(batch.offsets[0]))
            batch = replace(batch, offsets=batch.offsets + behind, end=batch.end + behind)
        take(owned, batch, now)

    patch.setattr(OwnedSlot, "take", taking)


def commit_used_to_resume(patch: pytest.MonkeyPatch) -> None:
    """The worker goes on where the group committed."""
    load = OwnedSlot.load

    def loading(owned: Any, stored: RedoRecord | None, around: Surroundings, now: float) -> Header:  # noqa: ANN401  anything will do
        header = load(owned, stored, msgspec.structs.replace(around, committed=None), now)
        if around.committed is not None:
            header = msgspec.structs.replace(header, next_offset=around.committed)
        return header

    patch.setattr(OwnedSlot, "load", loading)


def rejects_not_awaited(patch: pytest.MonkeyPatch) -> None:
    """A checkpoint passes rejects that are not delivered."""
    send = OwnedSlot._send_rejects  # noqa: SLF001  what is broken here is private

    def sending(owned: OwnedSlot, prepared: Any) -> None:  # noqa: ANN401  anything will do
        send(owned, prepared)
        owned._tally = Tally()  # noqa: SLF001  what is broken here is private

    patch.setattr(OwnedSlot, "_send_rejects", sending)


def idle_owner_does_not_compare(patch: pytest.MonkeyPatch) -> None:
    """An owner with nothing to write never notices that Redis was rolled back."""
    patch.setattr(OwnedSlot, "_compare", lambda *_: None)


SABOTAGES: tuple[Sabotage, ...] = (
    no_compare,
    set_before_the_stored_writes,
    redo_left_out,
    readers_leave_the_redo_record_out,
    offset_in_a_key_of_its_own,
    error_taken_for_refused,
    records_in_hand_kept_over_a_reload,
    memory_kept_over_a_reload,
    strings_read_without_the_compare,
    half_counted_memory_kept,
    generation_ignored,
    offsets_not_looked_at,
    commit_used_to_resume,
    rejects_not_awaited,
    idle_owner_does_not_compare,
)


RARE: tuple[Sabotage, ...] = (strings_loaded_before_the_header,)
"""Noticed after more runs than fit into a short test."""


@contextmanager
def sabotaged(sabotage: Sabotage) -> Iterator[None]:
    """The product, broken in one way."""
    with pytest.MonkeyPatch.context() as patch:
        sabotage(patch)
        yield
