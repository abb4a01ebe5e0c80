"""Name tables and logs as bytes: what a slot's growing strings hold, to and from Python values.

A name is u16 length and UTF-8 bytes; a user is led by the u32 id of its account. The position in a table is the dense id.
"""

import struct
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.accounts import AccountEntry

_LENGTH = struct.Struct("<H")
_USER = struct.Struct("<IH")
_ENTRY = struct.Struct("<I")
_entry_decoder = msgspec.msgpack.Decoder(AccountEntry)


def encode_names(names: Iterable[str]) -> bytes:
    """The table bytes of ``names``, each at most 65,535 bytes of UTF-8."""
    parts = [name.encode() for name in names]
    return b"".join([piece for part in parts for piece in (_LENGTH.pack(len(part)), part)])


def names(data: bytes | bytearray) -> list[str]:
    """The names of a table, by dense id."""
    found: list[str] = []
    text, at, end = bytes(data), 0, len(data)
    while at < end:
        start = at + 2
        at = start + text[at] + (text[at + 1] << 8)
        found.append(text[start:at].decode())
    return found


def encode_users(users: Iterable[tuple[int, str]]) -> bytes:
    """The table bytes of (account id, user name) pairs."""
    parts = [(account, name.encode()) for account, name in users]
    return b"".join([piece for account, part in parts for piece in (_USER.pack(account, len(part)), part)])


def users(data: bytes | bytearray) -> tuple[NDArray[np.uint32], list[str]]:
    """Account id (u32, shape (n,)) and name of each user, by dense id."""
    accounts: list[int] = []
    found: list[str] = []
    text, at, end = bytes(data), 0, len(data)
    while at < end:
        account, length = _USER.unpack_from(text, at)
        start = at + 6
        at = start + length
        accounts.append(account)
        found.append(text[start:at].decode())
    return np.array(accounts, np.uint32), found


def pairs(data: bytes | bytearray) -> NDArray[np.uint32]:
    """Shape (n, 2): (account id, action id) of series, or (user id, minute) of a minute log."""
    return np.frombuffer(data, "<u4").reshape(-1, 2)


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
