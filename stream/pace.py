"""When a slot that cannot go on tries again: the later, the more often in a row."""

SHORTEST_SECONDS = 0.1
LONGEST_SECONDS = 5.0


class Pace:
    """The pauses of one slot. ``now`` is always a monotonic time in seconds."""

    def __init__(self) -> None:
        self.retry_at = 0.0
        self.pause = 0.0
        """Seconds, 0 for a slot that goes on."""
        self._when_moved = 0.0

    def back_off(self, now: float) -> None:
        """What the slot needs gives no answer."""
        self._wait(now, _longer(self.pause))

    def catch_breath(self, now: float) -> None:
        """What the slot needs is on its way."""
        self._wait(now, SHORTEST_SECONDS)

    def moved(self, now: float) -> None:
        """The slot starts afresh, as somebody else wrote it."""
        self.pause = 0.0
        self._when_moved = _longer(self._when_moved)
        self.retry_at = now + self._when_moved

    def go_on(self) -> None:
        """The slot has what it needs."""
        self.pause = 0.0

    def stored(self) -> None:
        """Redis took a checkpoint, so nobody else writes the slot."""
        self.pause = self._when_moved = 0.0

    def _wait(self, now: float, seconds: float) -> None:
        self.pause = seconds
        self.retry_at = now + seconds


def _longer(pause: float) -> float:
    return min(max(SHORTEST_SECONDS, 2 * pause), LONGEST_SECONDS)
