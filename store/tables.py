"""Name tables and logs as bytes: what a slot's growing strings hold, to and from Python values.

A name table is two strings, the names' UTF-8 bytes and their u16 lengths: both ways cost little per name, and a slot of
a million accounts and users starts in seconds.
"""

import struct
from collections.abc import Iterable, Mapping
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.accounts import AccountEntry
from store.layout import name_lengths
from store.vectors import distinct

_ENTRY = struct.Struct("<I")
_entry_decoder = msgspec.msgpack.Decoder(AccountEntry)


def encode_names(names: list[str]) -> tuple[bytes, bytes]:
    """The text and the lengths of ``names``, each at most 65,535 bytes of UTF-8."""
    text = "".join(names)
    encoded = text.encode()
    plain = len(encoded) == len(text)
    lengths = map(len, names) if plain else (len(name.encode()) for name in names)
    return encoded, np.fromiter(lengths, "<u2", len(names)).tobytes()


def names(text: bytes | bytearray, lengths: bytes | bytearray) -> list[str]:
    """The names of a table, by dense id."""
    ends = list(accumulate(np.frombuffer(lengths, "<u2").tolist()))
    places = zip([0, *ends], ends, strict=False)
    if text.isascii():
        plain = text.decode()
        return [plain[start:end] for start, end in places]
    return [text[start:end].decode() for start, end in places]


def raw_names(table: str, strings: Mapping[str, bytes | bytearray]) -> tuple[bytes, NDArray[np.int64]]:
    """The text of a name table and the length of each name, shape (n,), out of a slot's strings."""
    lengths = np.frombuffer(strings[name_lengths(table)], "<u2")
    return bytes(strings[table]), lengths.astype(np.int64)


def pairs(data: bytes | bytearray) -> NDArray[np.uint32]:
    """Shape (n, 2): (account id, action id) of series, or (user id, minute) of a minute log."""
    return np.frombuffer(data, "<u4").reshape(-1, 2)


def packed_pairs(data: bytes | bytearray) -> NDArray[np.uint64]:
    """The same, packed as first << 32 | second, shape (n,)."""
    columns = pairs(data).astype(np.uint64)
    return columns[:, 0] << np.uint64(32) | columns[:, 1]


def distinct_users(log: bytes | bytearray) -> NDArray[np.int64]:
    """The user id of every distinct (user, minute) pair of a minute log, in no order."""
    return (distinct(np.frombuffer(log, "<u8")) & np.uint64(0xFFFFFFFF)).astype(np.int64)


def encode_pairs(packed: NDArray[np.uint64]) -> bytes:
    """The bytes of packed pairs."""
    columns = np.empty((len(packed), 2), "<u4")
    columns[:, 0], columns[:, 1] = packed >> np.uint64(32), packed & np.uint64(0xFFFFFFFF)
    return columns.tobytes()


def encode_entries(entries: Iterable[AccountEntry]) -> bytes:
    """The log bytes of account records: u32 length and MessagePack each."""
    parts = [msgspec.msgpack.encode(entry) for entry in entries]
    return b"".join([piece for part in parts for piece in (_ENTRY.pack(len(part)), part)])


def entries(data: bytes | bytearray) -> list[AccountEntry]:
    """The account records of a log, in order of offset."""
    found: list[AccountEntry] = []
    view, at = memoryview(data), 0
    while at < len(view):
        (length,) = _ENTRY.unpack_from(view, at)
        start = at + _ENTRY.size
        at = start + length
        found.append(_entry_decoder.decode(view[start:at]))
    return found
