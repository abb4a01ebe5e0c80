"""What is true of each write that Redis applies to one slot, as long as all of them are heard."""

from collections import Counter
from collections.abc import Callable, Iterable

from tests.faults.checker.redo import Header, Redo
from tests.faults.checker.report import Violation
from tests.faults.checker.slots import Place, named, tag

REMEMBERED = 2_000


class SlotWatch:
    """``certain`` is false from when writes may have been missed until the next one is heard."""

    def __init__(self, place: Place, tell: Callable[[Violation], None], checks: Counter[str]) -> None:
        self.place = place
        self.certain = True
        self.restarts = 0
        self._tell, self._checks = tell, checks
        self._stored: Redo | None = None
        self._earlier: dict[bytes, Header] = {}
        self._writes: set[tuple[bytes, int, bytes]] | None = None

    def accuse(self, invariant: str, text: str) -> None:
        self._tell(Violation(invariant, named(self.place), text))

    def stored_anew(self, redo: Redo, *, rebuilding: bool, excused: bool) -> None:
        """A redo record was set. ``excused``: offsets may go back; ``rebuilding``: a person chooses them."""
        if rebuilding:
            header = redo.header
            self.restarts += header.next_offset == header.first_offset and not header.lengths
        else:
            self._judge(redo.header, excused=excused)
        self._stored, self._writes, self.certain = redo, None, True
        self._earlier[redo.state_id] = redo.header
        if len(self._earlier) > REMEMBERED:
            del self._earlier[next(iter(self._earlier))]

    def _judge(self, new: Header, *, excused: bool) -> None:
        last = self._stored
        if last is None:
            if self.certain and new.previous:
                self.accuse("I2", f"the first record follows {new.previous.hex()}, which was never stored")
            return
        if not excused:
            self._checks["I3"] += 1
            if new.next_offset < last.header.next_offset:
                self.accuse("I3", f"the offset went back from {last.header.next_offset} to {new.next_offset}")
        expected = last.header if new.previous == last.state_id else None
        if self.certain and expected is None:
            self._checks["I2"] += 1
            self.accuse("I2", f"record {new.sequence} follows {new.previous.hex()}, stored is {last.state_id.hex()}")
            return
        before = expected or self._earlier.get(new.previous)
        if before is not None:
            self._checks["I2"] += 1
            self._continues(before, new)

    def _continues(self, before: Header, new: Header) -> None:
        if new.sequence != before.sequence + 1:
            self.accuse("I2", f"sequence {new.sequence} follows {before.sequence}")
        if (new.first_offset, new.gaps, new.topic_id) != (before.first_offset, before.gaps, before.topic_id):
            self.accuse("I2", f"record {new.sequence} is of another log than the one before")
        consumed = new.counted + new.rejected - before.counted - before.rejected
        passed = new.next_offset - before.next_offset
        if not 0 <= consumed <= passed:
            self.accuse("I2", f"{consumed} records consumed between {before.next_offset} and {new.next_offset}")

    def written(self, key: bytes, offset: int, data: bytes) -> None:
        """A script wrote to a string."""
        if self._stored is None or not self.certain:
            if self._stored is None and self.certain:
                self.accuse("I4", f"{key.decode()} is written to before there is a record")
            return
        self._checks["I4"] += 1
        if self._writes is None:
            start = tag(self.place)
            self._writes = {
                (f"{start}:{string}:{chunk}".encode(), at, said) for (string, chunk), at, said in self._stored.writes()
            }
        if (key, offset, data) not in self._writes:
            text = f"{len(data)} bytes at {offset} of {key.decode()} are none of the stored record's writes"
            self.accuse("I4", f"{text} (sequence {self._stored.header.sequence})")

    def dropped(self, keys: Iterable[bytes]) -> None:
        """A script deleted strings."""
        if self._stored is None or not self.certain:
            return
        self._checks["I4"] += 1
        start = tag(self.place)
        droppable = {f"{start}:{string}:{chunk}".encode() for string, chunk in self._stored.drops}
        if wrong := set(keys) - droppable:
            self.accuse("I4", f"{sorted(wrong)[:3]} are deleted, which the stored record does not drop")
