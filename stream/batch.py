"""Records of one partition on their way from the consumer into a slot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from store.layout import SlotName


class Keyed(Protocol):
    """What is asked of a Kafka message once it is in a batch."""

    def key(self) -> bytes | None:
        """The record's key."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, and how far the log is known to hold nothing else.

    ``offsets`` and ``timestamps`` (ms) have one cell per record; ``end`` is past the last record, and past the markers
    and gaps behind it where the broker said so. ``generation`` is the assignment they were fetched under.
    """

    slot: SlotName
    generation: int
    messages: Sequence[Keyed]
    values: list[bytes | None]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    end: int
    leader_epoch: int | None

    def first(self, size: int) -> "Batch":
        """The first ``size`` (>= 1) records, and nothing behind them."""
        return replace(self._part(slice(0, size)), end=int(self.offsets[size - 1]) + 1, leader_epoch=None)

    def from_offset(self, offset: int) -> "Batch":
        """The same without the records below ``offset``, which are counted already.

        Without any record there is none either that the leader epoch would be of.
        """
        first = int(np.searchsorted(self.offsets, offset))
        if not first:
            return self
        kept = self._part(slice(first, None))
        return kept if kept.values else replace(kept, leader_epoch=None)

    def _part(self, kept: slice) -> "Batch":
        return replace(
            self,
            messages=self.messages[kept],
            values=self.values[kept],
            offsets=self.offsets[kept],
            timestamps=self.timestamps[kept],
        )
