"""One look at the whole system from outside: what is known of every partition, of Redis, and of the newest run."""

import msgspec

from schemas.exits import Obstacle
from store.layout import SlotName
from store.redis_state import RedisState
from store.runs import Published
from stream.lag_status import Verdict


class Totals(msgspec.Struct, frozen=True):
    """What a slot counted since it was first or last counted anew, and its newest day as an ordinal (0 for none)."""

    counted: int
    rejected: int
    late: int
    newest_day: int


class Partition(msgspec.Struct, frozen=True):
    """What is known of one partition; None is unknown (or, for `stored` under a known `lag`, nothing stored yet)."""

    slot: SlotName
    log_start: int | None = None
    log_end: int | None = None
    stored: int | None = None
    lag: int | None = None
    lag_seconds: float | None = None
    owner: str | None = None
    owned: bool | None = None
    obstacle: Obstacle | None = None
    note: str | None = None
    totals: Totals | None = None
    verdict: Verdict | None = None


class Source(msgspec.Struct, frozen=True):
    """Whether Kafka or Redis answered, and what was wrong if not."""

    name: str
    error: str | None

    @property
    def up(self) -> bool:
        """Whether it answered."""
        return self.error is None


class Picture(msgspec.Struct, frozen=True):
    """As of `at`, seconds since the epoch: the moment when Redis was asked for the stored offsets."""

    at: float
    took: float
    kafka: Source
    redis: Source
    partitions: tuple[Partition, ...]
    missing_topics: tuple[str, ...]
    state: RedisState | None
    run: Published | None
    run_error: str | None
    """Why the newest run could not be read; `run` is then the one that was read before."""
