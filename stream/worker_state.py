"""What a worker notes about itself, as it travels to whoever serves it: plain figures, and moments of two clocks.

`..._at` is monotonic time in seconds, which all processes of a machine share; timestamps of records are ms since the
epoch. Ages are taken when the figures are shown, so a state that is a moment old is not wrong.
"""

from enum import StrEnum

import msgspec

from schemas.exits import Obstacle
from store.metrics import WORKER_CHECKPOINT_BYTES, WORKER_CHECKPOINT_SECONDS


class Stage(StrEnum):
    """Where a worker is between its start and its end."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class LogEnd(msgspec.Struct, frozen=True):
    """The last stable offset of a log, and when the broker said so."""

    offset: int
    asked_at: float


class OldestRecord(msgspec.Struct, frozen=True):
    """The timestamp of the first record at or after an offset, read from the log; None where there is none."""

    at_offset: int
    timestamp: int | None
    asked_at: float


class LagBefore(msgspec.Struct, frozen=True):
    """A lag in seconds of some time ago."""

    seconds: float
    at: float


class Block(msgspec.Struct, frozen=True):
    """Why a slot cannot go on."""

    obstacle: Obstacle
    message: str


class SlotState(msgspec.Struct):
    """One partition, as long as the process lives: counters stay when it is given away, the rest is cleared."""

    topic: str
    partition: int
    owned: bool = False
    topic_id: str = ""
    stored_offset: int | None = None
    """None while the slot has to be loaded."""
    uncounted_timestamp: int | None = None
    """Of the oldest record that was taken and is not stored."""
    log_end: LogEnd | None = None
    oldest: OldestRecord | None = None
    lag_before: LagBefore | None = None
    newest_day: int = 0
    slot_bytes: int = 0
    waiting_for: str | None = None
    """What the last step failed with, until one works."""
    blocked: Block | None = None
    counted: int = 0
    late: int = 0
    lag_unknown: int = 0
    reloads: int = 0
    waits: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    checkpoints: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """As logs and errors call it."""
        return f"{self.topic}/{self.partition}"

    def clear(self) -> None:
        """Forget what is true of an owner only."""
        self.owned, self.topic_id, self.stored_offset, self.uncounted_timestamp = False, "", None, None
        self.log_end = self.oldest = self.lag_before = self.waiting_for = None
        self.newest_day = self.slot_bytes = 0


class Distribution(msgspec.Struct):
    """Observations by bucket, the last one beyond all bounds, and their sum."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def over(cls, bounds: tuple[float, ...]) -> "Distribution":
        """Without observations."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def observe(self, value: float) -> None:
        """Note one."""
        at = sum(value > bound for bound in self.bounds)
        self.counts[at] += 1
        self.total += value

    def add(self, other: "Distribution") -> None:
        """Note all of another with the same bounds."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class TopicState(msgspec.Struct):
    """Checkpoints of all slots of a topic."""

    seconds: Distribution = msgspec.field(default_factory=lambda: Distribution.over(WORKER_CHECKPOINT_SECONDS.buckets))
    sizes: Distribution = msgspec.field(default_factory=lambda: Distribution.over(WORKER_CHECKPOINT_BYTES.buckets))


class WorkerState(msgspec.Struct):
    """One worker process."""

    pid: int
    turned_at: float
    stage: Stage = Stage.STARTING
    in_group: bool = False
    """Whether the group has said what is this worker's share, be it nothing."""
    cpu_seconds: float = 0.0
    resident_bytes: int | None = None
    slots: dict[str, SlotState] = msgspec.field(default_factory=dict)
    topics: dict[str, TopicState] = msgspec.field(default_factory=dict)
    rebalances: dict[str, int] = msgspec.field(default_factory=dict)
    kafka_errors: dict[str, int] = msgspec.field(default_factory=dict)


class Seen(msgspec.Struct, frozen=True):
    """What a serving process knows of one worker: its newest state, None before there was one."""

    number: int
    state: WorkerState | None
    running: bool = True
    answered: bool = True
    """Whether the state is one of just now."""
