"""Reading a slot and writing its checkpoints.

Who reads lays the redo record's writes over the strings: the strings alone lag one checkpoint behind.
"""

import struct
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import cast

import msgspec
import redis

from schemas.exits import Blocked, Unavailable
from store.denied import redis_failure
from store.layout import CHUNK_BYTES, STATE_ID_BYTES, Header, SlotName
from store.redo import RedoRecord, chunks_of, decode_redo

READ_TRIES = 20
_KEYS_PER_CALL = 64
_NO_STATE = b"short"
"""Stands among state ids for strings that were too short: they belong to no state that a reader could use."""


class Answer(StrEnum):
    """What a checkpoint came to. An error is not an answer: it raises ``Unavailable``."""

    APPLIED = "applied"
    ALREADY = "already"
    OTHER = "other"


class Snapshot(msgspec.Struct, frozen=True):
    """One true state of a slot: its header and the strings that were asked for."""

    header: Header
    strings: dict[str, bytearray]


class SlotStore:
    """The slots of one Redis. Every method raises ``Unavailable`` where Redis gives no answer, ``Denied``."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._script = client.register_script(Path(__file__).with_name("checkpoint.lua").read_text())

    def stored(self, slot: SlotName) -> RedoRecord | None:
        """The record that is true now, or None for a slot that does not exist. Raises ``Blocked`` for foreign bytes."""
        encoded = self._get(slot.redo_key)
        if encoded is None:
            return None
        try:
            return decode_redo(encoded)
        except (msgspec.DecodeError, struct.error, UnicodeDecodeError) as error:
            message = (
                f"{slot.redo_key} in Redis is no redo record of this version ({error}); `rebuild` counts the slot again"
            )
            raise Blocked(message) from error

    def state_id(self, slot: SlotName) -> bytes:
        """The id of the record that is true now, empty for a slot that does not exist."""
        try:
            return cast("bytes", self._client.getrange(slot.redo_key, 0, STATE_ID_BYTES - 1))
        except (redis.RedisError, OSError) as error:
            raise redis_failure(error, slot) from error

    def read(self, slot: SlotName, record: RedoRecord, strings: Collection[str]) -> dict[str, bytearray]:
        """The named strings as ``record`` makes them. A string that the header does not name comes out empty.

        Right only while ``record`` is the stored one or the one before it: the caller's next checkpoint tells, and
        ``snapshot`` makes sure of it. Raises ``Blocked`` where Redis holds less than the header of the stored record
        says, ``Unavailable`` where somebody else wrote meanwhile and dropped what was to be read.
        """
        contents, seen = self._overlaid(slot, record, strings)
        if seen - {record.state_id}:
            raise Unavailable(f"{slot} was written by another while it was read")
        return contents

    def _overlaid(
        self, slot: SlotName, record: RedoRecord, strings: Collection[str]
    ) -> tuple[dict[str, bytearray], set[bytes]]:
        """The strings with ``record`` laid over them, and the state ids under which Redis held what was read."""
        lengths = {string: record.header.lengths.get(string, 0) for string in strings}
        bases = {string: record.bases.get(string, length) for string, length in lengths.items()}
        contents, seen = self._fetch(slot, record, bases)
        for string, length in lengths.items():
            del contents[string][length:]
            contents[string].extend(bytes(length - len(contents[string])))
        for write in record.writes():
            if write.string in contents:
                contents[write.string][write.position : write.position + len(write.data)] = write.data
        return contents, seen

    def snapshot(self, slot: SlotName, choose: Callable[[Header], Collection[str]]) -> Snapshot | None:
        """The header and the strings that ``choose`` names for it, as of one moment; None where there is no slot.

        The strings may hold the writes of the record after the one that was read, which only repeat it once that
        record is laid over them; two records on, they would show a later state, and the read starts again.
        """
        for _ in range(READ_TRIES):
            record = self.stored(slot)
            if record is None:
                return None
            strings, seen = self._overlaid(slot, record, choose(record.header))
            others = seen - {record.state_id}
            after = self.stored(slot) if others else record
            if not others or (after and others == {after.state_id} and after.header.previous == record.state_id):
                return Snapshot(record.header, strings)
        raise moved_on(slot)

    def checkpoint(self, slot: SlotName, stored: RedoRecord | None, record: RedoRecord) -> Answer:
        """Make ``record`` true if ``stored`` still is. Resending the same record is harmless.

        Raises ``Blocked`` where a chunk that ``stored`` wrote to lost bytes, unless ``record`` drops it.
        """
        chunks, drops = (stored.chunks, stored.drops) if stored else ((), ())
        keys = [slot.redo_key, *(slot.chunk_key(*chunk) for chunk in (*chunks, *drops))]
        expected = stored.state_id if stored else b""
        held = [
            _bytes_in(chunk[1], stored.bases[chunk[0]]) if stored and chunk not in record.drops else 0
            for chunk in chunks
        ]
        try:
            answer = self._script(keys=keys, args=[expected, record.encoded, len(chunks), *held])
        except (redis.RedisError, OSError) as error:
            raise redis_failure(error, slot) from error
        said, _, key = cast("bytes", answer).decode().partition(" ")
        if key:
            raise Blocked(_short(f"Redis holds less of {key} than it was given"))
        return Answer(said)

    def _get(self, key: str) -> bytes | None:
        try:
            return cast("bytes | None", self._client.get(key))
        except (redis.RedisError, OSError) as error:
            raise redis_failure(error, key) from error

    def _fetch(
        self, slot: SlotName, record: RedoRecord, lengths: dict[str, int]
    ) -> tuple[dict[str, bytearray], set[bytes]]:
        """At least ``lengths`` bytes of each string, and the states that they were read under.

        In calls of ``_KEYS_PER_CALL`` chunks or ``CHUNK_BYTES`` bytes.
        """
        contents = {string: bytearray() for string in lengths}
        seen: set[bytes] = set()
        for group in _bounded_groups(lengths):
            keys = [slot.chunk_key(string, chunk) for string, chunk in group]
            try:
                with self._client.pipeline() as pipe:  # one step of Redis: whose strings these are is certain
                    pipe.getrange(slot.redo_key, 0, STATE_ID_BYTES - 1)
                    pipe.mget(keys)
                    state_id, values = cast("tuple[bytes, list[bytes | None]]", pipe.execute())
            except (redis.RedisError, OSError) as error:
                raise redis_failure(error, slot) from error
            seen.add(state_id)
            for key, (string, chunk), value in zip(keys, group, values, strict=True):
                needed, found = _bytes_in(chunk, lengths[string]), len(value or b"")
                if found < needed and state_id == record.state_id:
                    raise Blocked(_short(f"Redis holds {found} of {needed} bytes of {key}"))
                if found < needed:
                    seen.add(_NO_STATE)
                contents[string].extend(value or b"")
        return contents, seen


def moved_on(slot: SlotName) -> Unavailable:
    """The error for a slot that was written too often to be read as of one moment."""
    return Unavailable(
        f"{slot}: moved on {READ_TRIES} times while it was read; run again when the stream has caught up"
    )


def _bounded_groups(lengths: dict[str, int]) -> Iterable[list[tuple[str, int]]]:
    group: list[tuple[str, int]] = []
    size = 0
    for string, length in lengths.items():
        for chunk in range(chunks_of(length)):
            chunk_size = _bytes_in(chunk, length)
            if group and (len(group) == _KEYS_PER_CALL or size + chunk_size > CHUNK_BYTES):
                yield group
                group, size = [], 0
            group.append((string, chunk))
            size += chunk_size
    if group:
        yield group


def _bytes_in(chunk: int, length: int) -> int:
    """The bytes of a string of ``length`` that lie in this chunk of it."""
    return max(0, min(CHUNK_BYTES, length - chunk * CHUNK_BYTES))


def _short(what: str) -> str:
    return (
        f"{what}: keys were deleted or evicted; "
        "set maxmemory-policy noeviction, then `engagement-stream rebuild` counts the slot again"
    )
