"""The log of a partition as the broker keeps it in files, to be cut while the broker is down."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from services.kafka import LocalKafka

_BATCH = struct.Struct(">qi")
"""Base offset, and bytes of the batch after these two."""
_LAST_OFFSET_DELTA = struct.Struct(">i")
_DELTA_AT = 23
DERIVED = ("*.index", "*.timeindex", "*.txnindex", "*.snapshot")
"""What the broker makes again from the log where it is missing."""


def cut(server: LocalKafka, topic: str, partition: int, offset: int) -> int:
    """Drop the batches that reach to ``offset`` or beyond, as a leader that never had them; the new end of the log."""
    folder = server.data_dir / f"{topic}-{partition}"
    (segment,) = folder.glob("*.log")
    end, size = 0, 0
    for start, length, following in _batches(segment):
        if following > offset:
            break
        end, size = following, start + length
    os.truncate(segment, size)
    for pattern in DERIVED:
        for file in folder.glob(pattern):
            file.unlink()
    return end


def _batches(segment: Path) -> Iterator[tuple[int, int, int]]:
    """Position, bytes, and the offset that follows, of each batch."""
    data = segment.read_bytes()
    at = 0
    while at + _DELTA_AT + _LAST_OFFSET_DELTA.size <= len(data):
        base, length = _BATCH.unpack_from(data, at)
        (delta,) = _LAST_OFFSET_DELTA.unpack_from(data, at + _DELTA_AT)
        length += _BATCH.size
        if at + length > len(data) or length <= _BATCH.size:
            return
        yield at, length, base + delta + 1
        at += length
