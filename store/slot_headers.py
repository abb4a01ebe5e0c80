"""The headers of many slots in one round trip: what readers of lag need of Redis.

A redo record may have megabytes of writes behind its header, so only its first bytes are fetched.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import redis

from schemas.exits import Blocked
from store.denied import redis_failure
from store.layout import STATE_ID_BYTES, Header, SlotName

FIRST_BYTES = 16 * 1024
_LENGTH = struct.Struct("<I")
_START = STATE_ID_BYTES + _LENGTH.size


class _Opening(msgspec.Struct, frozen=True, array_like=True):
    """The first part of a redo record's envelope (see `store/redo.py`); the parts after it are skipped."""

    header: Header


def slot_headers(client: redis.Redis, slots: Sequence[SlotName]) -> dict[SlotName, Header | Blocked]:
    """The header of every slot that exists, without the lengths of its days; `Blocked` where it cannot be read.

    Two round trips where a header is longer than FIRST_BYTES. Raises Unavailable where Redis gives no answer.
    """
    found = dict(zip(slots, _first_bytes(client, dict.fromkeys(slots, FIRST_BYTES)), strict=True))
    longer = {slot: needed for slot, value in found.items() if (needed := _needed(value)) > len(value) >= FIRST_BYTES}
    found.update(zip(longer, _first_bytes(client, longer), strict=True))
    return {slot: _header(slot, value) for slot, value in found.items() if value}


def _first_bytes(client: redis.Redis, wanted: Mapping[SlotName, int]) -> list[bytes]:
    if not wanted:
        return []
    with client.pipeline(transaction=False) as calls:
        for slot, size in wanted.items():
            calls.getrange(slot.redo_key, 0, size - 1)
        try:
            return cast("list[bytes]", calls.execute())
        except (redis.RedisError, OSError) as error:
            raise redis_failure(error, "the slots") from error


def _needed(value: bytes) -> int:
    """The bytes up to the end of the envelope."""
    if len(value) < _START:
        return 0
    (length,) = _LENGTH.unpack_from(value, STATE_ID_BYTES)
    return _START + int(length)


def _header(slot: SlotName, value: bytes) -> Header | Blocked:
    try:
        if _needed(value) > len(value) or len(value) < _START:
            return _foreign(slot, "it ends too early")
        return msgspec.msgpack.decode(value[_START : _needed(value)], type=_Opening).header
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _foreign(slot, str(error))


def _foreign(slot: SlotName, why: str) -> Blocked:
    return Blocked(
        f"{slot.redo_key} in Redis is no redo record of this version ({why}); `rebuild` counts the slot again"
    )
