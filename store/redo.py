"""The redo record: the one value whose SET makes a checkpoint true.

Layout: 16 bytes state id, u32 length of the envelope, envelope (MessagePack: header, chunks, drops, bases), then the
writes, each u16 index into the chunks (from 1), u32 offset in that chunk, u32 length, data. ``checkpoint.lua`` reads
the same layout.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

import msgspec

from store.layout import CHUNK_BYTES, STATE_ID_BYTES, Header, dated, day_of

_ENVELOPE_LENGTH = struct.Struct("<I")
_WRITE = struct.Struct("<HII")
_WRITES_START = STATE_ID_BYTES + _ENVELOPE_LENGTH.size


class Write(msgspec.Struct, frozen=True):
    """Bytes for an absolute position of a logical string: applying it twice changes nothing."""

    string: str
    position: int
    data: bytes


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    header: Header
    days: dict[str, list[int]]
    chunks: tuple[tuple[str, int], ...]
    drops: tuple[tuple[str, int], ...]
    bases: dict[str, int]


class RedoRecord(msgspec.Struct, frozen=True):
    """A checkpoint as Redis holds it."""

    state_id: bytes
    header: Header
    chunks: tuple[tuple[str, int], ...]
    """(string, chunk number) of every chunk that the writes go to."""
    drops: tuple[tuple[str, int], ...]
    """(string, chunk number) of every chunk that is no longer needed."""
    bases: dict[str, int]
    """Bytes that Redis must hold of each written string before this record's writes are laid over it."""
    encoded: bytes

    def writes(self) -> Iterator[Write]:
        """The writes of this checkpoint, one per piece within a chunk, in the order they are applied."""
        (envelope,) = _ENVELOPE_LENGTH.unpack_from(self.encoded, STATE_ID_BYTES)
        at = _WRITES_START + envelope
        while at < len(self.encoded):
            index, offset, length = _WRITE.unpack_from(self.encoded, at)
            at += _WRITE.size
            string, chunk = self.chunks[index - 1]
            yield Write(string, chunk * CHUNK_BYTES + offset, self.encoded[at : at + length])
            at += length


def _pack_days(lengths: Mapping[str, int]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """The lengths of strings without a day, and by kind of the others: days since the one before and length, in turn.

    With names, 400 days of three kinds would take 28 KB in every record, most of a small one.
    """
    plain: dict[str, int] = {}
    by_kind: dict[str, list[tuple[int, int]]] = {}
    for string, length in lengths.items():
        day = day_of(string)
        if day is None:
            plain[string] = length
        else:
            by_kind.setdefault(string.partition(":")[0], []).append((day, length))
    packed: dict[str, list[int]] = {}
    for kind, held in by_kind.items():
        held.sort()
        befores = [0, *(day for day, _ in held)]
        packed[kind] = [
            part for (day, length), last in zip(held, befores, strict=False) for part in (day - last, length)
        ]
    return plain, packed


def _unpack_days(packed: Mapping[str, list[int]]) -> dict[str, int]:
    return {
        dated(kind, day): length
        for kind, parts in packed.items()
        for day, length in zip(accumulate(parts[::2]), parts[1::2], strict=True)
    }


def chunks_of(length: int) -> int:
    """How many chunks a logical string of ``length`` bytes has."""
    return -(-length // CHUNK_BYTES)


def _pieces(write: Write) -> Iterator[tuple[int, int, bytes]]:
    """(chunk, offset in chunk, data) of a write, cut where it crosses a chunk's end."""
    position, data = write.position, write.data
    while data:
        chunk, offset = divmod(position, CHUNK_BYTES)
        piece = data[: CHUNK_BYTES - offset]
        yield chunk, offset, piece
        position += len(piece)
        data = data[len(piece) :]


def encode_redo(state_id: bytes, header: Header, writes: Iterable[Write], stored: Header | None) -> RedoRecord:
    """Build the record of the checkpoint after ``stored``; strings that ``header`` no longer names are dropped."""
    before = stored.lengths if stored else {}
    indexes: dict[tuple[str, int], int] = {}
    body: list[bytes] = []
    for write in writes:
        for chunk, offset, piece in _pieces(write):
            index = indexes.setdefault((write.string, chunk), len(indexes) + 1)
            body.append(_WRITE.pack(index, offset, len(piece)))
            body.append(piece)
    chunks = tuple(indexes)
    gone = {string: length for string, length in before.items() if string not in header.lengths}
    drops = tuple((string, chunk) for string, length in gone.items() for chunk in range(chunks_of(length)))
    bases = {string: before.get(string, 0) for string, _ in chunks}
    plain, days = _pack_days(header.lengths)
    slim = msgspec.structs.replace(header, lengths=plain)
    envelope = msgspec.msgpack.encode(_Envelope(slim, days, chunks, drops, bases))
    encoded = b"".join([state_id, _ENVELOPE_LENGTH.pack(len(envelope)), envelope, *body])
    return RedoRecord(state_id, header, chunks, drops, bases, encoded)


def decode_redo(encoded: bytes) -> RedoRecord:
    """The record behind the bytes of a redo key.

    Raises ``msgspec.DecodeError`` (``ValidationError``) or ``struct.error`` where the bytes are not such a record.
    """
    (length,) = _ENVELOPE_LENGTH.unpack_from(encoded, STATE_ID_BYTES)
    envelope = msgspec.msgpack.decode(encoded[_WRITES_START : _WRITES_START + length], type=_Envelope)
    lengths = {**envelope.header.lengths, **_unpack_days(envelope.days)}
    header = msgspec.structs.replace(envelope.header, lengths=lengths)
    return RedoRecord(encoded[:STATE_ID_BYTES], header, envelope.chunks, envelope.drops, envelope.bases, encoded)
