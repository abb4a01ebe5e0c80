"""checkpoint.lua and the reading of a slot, on a dict of keys: what the slot protocol comes to, in plain words."""

from collections.abc import Collection

from store.redo import RedoRecord, chunks_of, decode_redo
from store.slots import Answer


class KeySpace:
    """The keys of one slot: its redo record and its chunks, by (string, chunk number)."""

    def __init__(self, chunk_bytes: int) -> None:
        self.redo = b""
        self.chunk_bytes = chunk_bytes
        self.chunks: dict[tuple[str, int], bytearray] = {}

    def stored(self) -> RedoRecord | None:
        """The record that is true now."""
        return decode_redo(self.redo) if self.redo else None

    def checkpoint(
        self, expected: RedoRecord | None, record: RedoRecord, dies_after: int | None = None
    ) -> Answer | None:
        """Run the script; None where it dies after that many of its writes, before the new record is true."""
        stored = self.stored()
        if stored is not None and stored.state_id == record.state_id:
            return Answer.ALREADY
        if (stored and stored.state_id) != (expected and expected.state_id):
            return Answer.OTHER
        if stored is not None:
            for number, write in enumerate(stored.writes()):
                if number == dies_after:
                    return None
                self._setrange(write.string, write.position, write.data)
            for key in stored.drops:
                self.chunks.pop(key, None)
        if dies_after is not None:
            return None
        self.redo = record.encoded
        return Answer.APPLIED

    def _setrange(self, string: str, position: int, data: bytes) -> None:
        chunk, offset = divmod(position, self.chunk_bytes)
        assert offset + len(data) <= self.chunk_bytes
        held = self.chunks.setdefault((string, chunk), bytearray())
        held.extend(bytes(max(0, offset - len(held))))
        held[offset : offset + len(data)] = data

    def read(self, record: RedoRecord, strings: Collection[str]) -> dict[str, bytearray]:
        """The named strings as ``record`` makes them; every chunk must hold what the record's base says."""
        return {string: self._one(record, string) for string in strings}

    def _one(self, record: RedoRecord, string: str) -> bytearray:
        length = record.header.lengths.get(string, 0)
        base = record.bases.get(string, length)
        found = bytearray()
        for chunk in range(chunks_of(base)):
            held = self.chunks.get((string, chunk), bytearray())
            assert len(held) >= min(self.chunk_bytes, base - len(found)), f"{string} chunk {chunk} is short"
            found += held
        del found[length:]
        found.extend(bytes(length - len(found)))
        for write in record.writes():
            if write.string == string:
                found[write.position : write.position + len(write.data)] = write.data
        assert len(found) == length
        return found
