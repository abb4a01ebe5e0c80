"""Whether the slots hold everything that was in the log when the job started, and the bounded wait for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from schemas.exits import IncompleteInput
from schemas.manifest import Manifest
from store.layout import SlotName
from store.offsets import LogBounds
from store.remedies import lost_since

POLL_SECONDS = 0.2


class Behind(msgspec.Struct, frozen=True):
    """A slot that has not reached the end of its log. `stored` is its next offset, None where there is no slot yet."""

    slot: SlotName
    stored: int | None
    bounds: LogBounds

    @property
    def records(self) -> int:
        """Offsets between slot and end, at most as many records."""
        return self.bounds.end - (self.bounds.start if self.stored is None else self.stored)


def behind(bounds: Mapping[SlotName, LogBounds], stored: Mapping[SlotName, int]) -> list[Behind]:
    """The slots short of the end of their log, in order.

    An empty partition is reached without a slot. One that has a slot must be there all the same: a log that retention
    emptied before it was counted is a loss, not an end.
    """
    late: list[Behind] = []
    for slot, log in sorted(bounds.items()):
        offset = stored.get(slot)
        if offset is None and log.start < log.end:
            late.append(Behind(slot, None, log))
        if offset is not None and offset < log.end:
            late.append(Behind(slot, offset, log))
    return late


def refuse_lost(missing: Iterable[SlotName], runs: Sequence[Manifest]) -> None:
    """Raise Blocked where Redis lost a slot: it has none, but the newest run had counted some of its partition.

    Its log may be empty by now, as retention took all, and would look like one that never had a record.
    """
    counted = runs[-1].inputs if runs else {}
    for slot in missing:
        offset = counted.get(str(slot))
        if offset:
            raise lost_since(slot, offset)


def wait_until_complete(  # noqa: PLR0913  clock and sleep are given so that a test needs neither
    bounds: Mapping[SlotName, LogBounds],
    read_offsets: Callable[[list[SlotName]], Mapping[SlotName, int]],
    wait_seconds: float,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    progress: Callable[[str], None],
) -> None:
    """Return once every slot has reached the end in `bounds`; `read_offsets` gives the next offset of those that exist.

    Raises IncompleteInput that names a slot with its offset and the end, once `wait_seconds` are over.
    """
    deadline = clock() + wait_seconds
    late = behind(bounds, read_offsets(list(bounds)))
    while late:
        if clock() >= deadline:
            raise IncompleteInput(_incomplete(late, wait_seconds))
        progress(f"waiting: {sum(one.records for one in late):,} records to count, partitions behind: {len(late)}")
        sleep(min(POLL_SECONDS, max(deadline - clock(), 0.0)))
        waited_for = {one.slot: one.bounds for one in late}
        late = behind(waited_for, read_offsets(list(waited_for)))


def _incomplete(late: list[Behind], wait_seconds: float) -> str:
    first = late[0]
    stored = "nothing is stored" if first.stored is None else f"stored offset {first.stored}"
    others = f" (more partitions behind: {len(late) - 1})" if len(late) > 1 else ""
    return (
        f"input not complete after {wait_seconds:g} s: {first.slot}: {stored}, end of the log {first.bounds.end}"
        f"{others}; check that `engagement-stream run` runs and see `engagement-stream lag`, or raise wait_seconds"
    )
