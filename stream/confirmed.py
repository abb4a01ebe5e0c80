"""Offsets that Redis confirmed, until they are old enough to be committed in Kafka."""

from collections import deque

SAFE_SECONDS = 5.0
"""Age from which a confirmed offset may be committed in Kafka: Redis has it on disk by then (appendfsync everysec)."""


class Confirmed:
    """Those of one slot. ``now`` is always a monotonic time in seconds."""

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, int]] = deque()

    def add(self, offset: int, now: float) -> None:
        """Redis has confirmed the offset."""
        self._offsets.append((now, offset))

    def committable(self, now: float) -> int | None:
        """The newest offset that was confirmed long enough ago, if it is new since the last call."""
        found = None
        while self._offsets and self._offsets[0][0] <= now - SAFE_SECONDS:
            found = self._offsets.popleft()[1]
        return found
