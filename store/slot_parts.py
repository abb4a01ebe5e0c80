"""Some bytes of a slot's strings, for readers that know where to look: a table of a million names stays where it is."""

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
import redis

from store.denied import redis_failure
from store.layout import CHUNK_BYTES, STATE_ID_BYTES, Header, SlotName
from store.redo import RedoRecord
from store.slots import READ_TRIES, SlotStore, moved_on


class Part(msgspec.Struct, frozen=True):
    """`size` bytes of a string, from `start` on."""

    string: str
    start: int
    size: int


class Parts(msgspec.Struct, frozen=True):
    """One true state of a slot: its header and the bytes that were asked for, zeros beyond the end of a string."""

    header: Header
    data: tuple[bytes, ...]


def read_parts(client: redis.Redis, store: SlotStore, slot: SlotName, wanted: Sequence[Part]) -> Parts | None:
    """The wanted parts as of one moment, None where there is no slot; both are of one Redis.

    Raises Unavailable where Redis gives no answer or the slot is written too often, Denied, Blocked for foreign bytes.
    """
    for _ in range(READ_TRIES):
        record = store.stored(slot)
        if record is None:
            return None
        state_id, held = _fetch(client, slot, wanted)
        if state_id == record.state_id:
            pairs = zip(wanted, held, strict=True)
            return Parts(record.header, tuple(_overlaid(record, part, data) for part, data in pairs))
    raise moved_on(slot)


def _fetch(client: redis.Redis, slot: SlotName, wanted: Sequence[Part]) -> tuple[bytes, list[bytes]]:
    """The state id and what the keys hold of each part, in one step of Redis."""
    pieces = [list(_pieces(part)) for part in wanted]
    try:
        with client.pipeline() as pipe:
            pipe.getrange(slot.redo_key, 0, STATE_ID_BYTES - 1)
            for part, within in zip(wanted, pieces, strict=True):
                for chunk, start, size in within:
                    pipe.getrange(slot.chunk_key(part.string, chunk), start, start + size - 1)
            state_id, *values = cast("list[bytes]", pipe.execute())
    except (redis.RedisError, OSError) as error:
        raise redis_failure(error, slot) from error
    left = iter(values)
    return state_id, [b"".join(next(left) for _ in within) for within in pieces]


def _pieces(part: Part) -> Iterator[tuple[int, int, int]]:
    """(chunk, start in it, size) of a part, cut where it crosses a chunk's end."""
    start, end = part.start, part.start + part.size
    while start < end:
        chunk, within = divmod(start, CHUNK_BYTES)
        size = min(end - start, CHUNK_BYTES - within)
        yield chunk, within, size
        start += size


def _overlaid(record: RedoRecord, part: Part, held: bytes) -> bytes:
    """What Redis held before the record's writes, with these laid over it."""
    length = record.header.lengths.get(part.string, 0)
    data = bytearray(held[: max(0, record.bases.get(part.string, length) - part.start)])
    data.extend(bytes(part.size - len(data)))
    end = part.start + part.size
    for write in record.writes() if part.string in record.bases else ():
        first, last = max(part.start, write.position), min(end, write.position + len(write.data))
        if write.string == part.string and first < last:
            data[first - part.start : last - part.start] = write.data[first - write.position : last - write.position]
    return bytes(data[: max(0, length - part.start)]).ljust(part.size, b"\0")
