"""A slot in memory: what every slot has in common, whatever it counts."""

import abc
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from schemas.moments import Calendar
from schemas.rejects import Reject
from schemas.settings import Settings
from store.layout import Header
from store.redo import RedoRecord, Write, encode_redo
from stream.batch import Batch
from stream.limits import NO_LIMITS, Limits

MOST_WRITES = 10_000
"""Writes in one checkpoint: twice as many block Redis for 0.15 s."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of day vectors in one checkpoint: one string of Redis ends at 512 MB."""


@dataclass(frozen=True, slots=True)
class SlotRules:
    """The settings that decide how records become cells."""

    calendar: Calendar
    lateness_days: int
    retention_days: int
    max_record_bytes: int
    user_scores: bool
    limits: Limits = NO_LIMITS

    @classmethod
    def of(cls, settings: Settings) -> "SlotRules":
        """The rules that settings make."""
        return cls(
            Calendar(settings.timezone),
            settings.lateness_days,
            settings.retention_days,
            settings.max_record_bytes,
            settings.user_scores,
            Limits.of(settings),
        )


class Prepared(abc.ABC):
    """A batch that is decoded and judged but not counted yet."""

    batch: Batch
    rejects: list[tuple[int, Reject]]
    """(position in the batch, why), in log order."""


Ready = TypeVar("Ready", bound=Prepared)


class Slot(abc.ABC, Generic[Ready]):
    """The write-back cache of one partition. Not thread-safe; owned by one assignment.

    ``prepare`` and ``apply`` are pure computation on memory. Between them the owner reads the strings that ``missing``
    names and hands them to ``supply``; no other batch may be prepared before ``apply``.
    """

    def __init__(self, header: Header) -> None:
        self.header = header
        self.lengths = dict(header.lengths)
        self._changed = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self._changed

    @abc.abstractmethod
    def prepare(self, batch: Batch) -> Ready:
        """Decode and judge the records of ``batch``, which starts at or after the header's next offset."""

    def missing(self, prepared: Ready) -> Collection[str]:  # noqa: ARG002  the base has nothing on demand
        """Strings that ``apply`` needs and memory does not hold."""
        return ()

    def supply(self, strings: Mapping[str, bytes | bytearray]) -> None:
        """Take in strings that ``missing`` named."""

    def fits(self, prepared: Ready) -> int:
        """How many of the batch's records the next checkpoint has room for, beside what it holds already."""
        return len(prepared.batch.values)

    def begin(self) -> None:
        """Have a first checkpoint even of a log without records, so that whoever owns a partition has a slot."""
        self._changed = True

    @abc.abstractmethod
    def apply(self, prepared: Ready) -> None:
        """Count a prepared batch and move the next offset past it."""

    @abc.abstractmethod
    def _take_writes(self) -> list[Write]:
        """All writes since the last checkpoint; updates ``lengths``."""

    def build(self, state_id: bytes, stored: RedoRecord | None) -> RedoRecord:
        """The checkpoint after ``stored``. What it holds counts as written: it must be sent until it is answered."""
        writes = self._take_writes()
        self.header = msgspec.structs.replace(
            self.header,
            sequence=self.header.sequence + 1,
            previous=stored.state_id if stored else b"",
            lengths=dict(self.lengths),
        )
        self._changed = False
        return encode_redo(state_id, self.header, writes, stored.header if stored else None)

    def confirmed(self) -> None:
        """The last checkpoint is true: memory that only mirrors Redis may be let go."""

    def _advance(
        self, batch: Batch, *, counted: int = 0, rejected: int = 0, late: int = 0, newest_day: int = 0
    ) -> None:
        header = self.header
        if batch.end <= header.next_offset:
            return
        self.header = msgspec.structs.replace(
            header,
            next_offset=batch.end,
            leader_epoch=header.leader_epoch if batch.leader_epoch is None else batch.leader_epoch,
            epoch_offset=header.epoch_offset if batch.leader_epoch is None else int(batch.offsets[-1]) + 1,
            counted=header.counted + counted,
            rejected=header.rejected + rejected,
            late=header.late + late,
            newest_day=max(header.newest_day, newest_day),
        )
        self._changed = True
