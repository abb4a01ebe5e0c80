"""Decodes a redo record, the one value of a slot that makes a checkpoint true.

16 bytes state id, u32 length of the envelope, envelope, then the writes: u16 index into the chunks (from 1), u32 offset
in the chunk, u32 length, data. The envelope is a MessagePack array: header (a map; what is not there has its default),
lengths of dated strings by kind (days since the one before and length, in turn), chunks, drops, bases.
"""

import datetime as dt
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

import msgspec

CHUNK_BYTES = 64 * 1024 * 1024
ID_BYTES = 16
WRITES_AFTER = ID_BYTES + 4
_WRITE = struct.Struct("<HII")

Chunk = tuple[str, int]


@lru_cache(maxsize=100_000)
def dated(kind: str, day: int) -> str:
    """The name of a day's string."""
    return f"{kind}:{dt.date.fromordinal(day).isoformat()}"


@dataclass(frozen=True)
class Header:
    """What is true as of the stored offset. Days are ordinals, 0 for none."""

    timezone: str
    topic_id: str
    next_offset: int
    first_offset: int
    leader_epoch: int | None = None
    epoch_offset: int = 0
    layout: int = 1
    sequence: int = 0
    previous: bytes = b""
    newest_day: int = 0
    closed_through: int = 0
    pruned_before: int = 0
    counted: int = 0
    rejected: int = 0
    late: int = 0
    gaps: tuple[tuple[int, int], ...] = ()
    lengths: dict[str, int] = field(default_factory=dict)
    days: dict[str, list[int]] = field(default_factory=dict)
    """The days of each kind of dated strings."""


@dataclass(frozen=True)
class Redo:
    """A redo record. Its writes are decoded when they are asked for."""

    state_id: bytes
    header: Header
    chunks: list[Chunk]
    drops: list[Chunk]
    bases: dict[str, int]
    encoded: bytes

    def writes(self) -> Iterator[tuple[Chunk, int, bytes]]:
        """(string and chunk, offset in the chunk, data) in order."""
        encoded, end = self.encoded, len(self.encoded)
        at = envelope_end(encoded)
        while at < end:
            index, offset, length = _WRITE.unpack_from(encoded, at)
            at += _WRITE.size
            yield self.chunks[index - 1], offset, encoded[at : at + length]
            at += length


def envelope_end(start: bytes) -> int:
    """Where the writes of a record begin; its first bytes are enough to know."""
    return WRITES_AFTER + int.from_bytes(start[ID_BYTES:WRITES_AFTER], "little")


class OtherForm(Exception):  # noqa: N818  a finding, not a failure
    """Bytes that are no redo record of this form."""


def decode(encoded: bytes) -> Redo:
    """Decode a record, or the start of one up to its writes. Raises ``OtherForm``."""
    try:
        return _decoded(encoded)
    except (ValueError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise OtherForm(f"a redo record of another form is stored: {error}") from error


def _decoded(encoded: bytes) -> Redo:
    plain, packed, chunks, drops, bases = msgspec.msgpack.decode(encoded[WRITES_AFTER : envelope_end(encoded)])
    return Redo(
        state_id=encoded[:ID_BYTES],
        header=_header(plain, packed),
        chunks=[(string, number) for string, number in chunks],
        drops=[(string, number) for string, number in drops],
        bases=bases,
        encoded=encoded,
    )


def _header(plain: dict[str, Any], packed: dict[str, list[int]]) -> Header:
    lengths = dict(plain.pop("lengths", {}))
    days = {kind: list(accumulate(parts[::2])) for kind, parts in packed.items()}
    for kind, parts in packed.items():
        lengths.update(zip((dated(kind, day) for day in days[kind]), parts[1::2], strict=True))
    gaps = tuple((start, end) for start, end in plain.pop("gaps", ()))
    return Header(**plain, gaps=gaps, lengths=lengths, days=days)
