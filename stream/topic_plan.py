"""What each topic should look like, and where an existing one differs. Pure: no client, no clock."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from schemas.settings import Settings

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
FOREVER = -1
DEFAULT_PARTITIONS = 8
DEFAULT_RETENTION_DAYS = 30
REJECTS_RETENTION_DAYS = 30
# The largest record librdkafka can send. A rejected record goes on whole, and what came in a compressed batch
# within the input topic's limit may be far larger than that limit once it stands alone.
REJECTS_MAX_BYTES = 1_000_000_000
# A record somewhat over max_record_bytes should become a reject that says so, not an error at its producer.
INPUT_HEADROOM = 2
# Producers fill batches up to about 1 MB by default, and a topic that takes less refuses them.
SMALLEST_INPUT_BYTES = 2 * 1024 * 1024
SAFE_REPLICATION = 3
IN_SYNC = "2"

MAX_BYTES = "max.message.bytes"
RETENTION = "retention.ms"
TIMESTAMP_TYPE = "message.timestamp.type"
# A larger value of these is as good as the fitting one. -1 means without limit.
AT_LEAST = frozenset({MAX_BYTES, RETENTION, "retention.bytes", "min.insync.replicas", "min.compaction.lag.ms"})


class TopicPlan(msgspec.Struct, frozen=True):
    """One topic as it should be. `settings` are topic settings of the broker, by name, as text."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]
    partitions_fixed: bool = False


class TopicFound(msgspec.Struct, frozen=True):
    """One topic as the broker has it; `settings` holds all its effective settings."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]


class Difference(msgspec.Struct, frozen=True):
    """One property of an existing topic that is not as it should be."""

    property: str
    found: str
    fitting: str


class Wishes(msgspec.Struct, frozen=True):
    """What whoever creates the topics may choose. `replication` None: by the number of brokers."""

    partitions: int = DEFAULT_PARTITIONS
    replication: int | None = None
    retention_days: int = DEFAULT_RETENTION_DAYS


def plans(settings: Settings, wishes: Wishes, brokers: int) -> list[TopicPlan]:
    """All topics of one system, inputs first. `brokers` is the number of brokers in the cluster."""
    replication = wishes.replication or min(SAFE_REPLICATION, max(brokers, 1))
    topics = settings.topics
    input_bytes = str(input_max_bytes(settings.max_record_bytes))
    # Retention by size would cut what retention by time promises to keep.
    by_time = {"cleanup.policy": "delete", "retention.bytes": str(FOREVER)}
    many, days = wishes.partitions, wishes.retention_days
    rejects = by_time | {RETENTION: str(REJECTS_RETENTION_DAYS * DAY_MS), MAX_BYTES: str(REJECTS_MAX_BYTES)}
    actions = by_time | {RETENTION: str(days * DAY_MS), MAX_BYTES: input_bytes, TIMESTAMP_TYPE: "LogAppendTime"}
    accounts = by_time | {RETENTION: str(FOREVER), MAX_BYTES: input_bytes}
    week = str(WEEK_MS)
    scores = {"cleanup.policy": "compact", "min.compaction.lag.ms": week, "delete.retention.ms": week}
    wanted = [
        (topics.actions, many, actions, False),
        (topics.accounts, many, accounts, False),
        (topics.scores, many, scores, False),
        (topics.runs, 1, by_time | {RETENTION: str(FOREVER)}, True),
        (topics.rejects, many, rejects, False),
    ]
    if settings.user_scores:
        # Many records share a key here, so compaction would lose all but one of them.
        wanted.append((topics.user_scores, many, by_time | {RETENTION: str(days * DAY_MS)}, False))
    safe = {"min.insync.replicas": IN_SYNC} if replication >= SAFE_REPLICATION else {}
    return [TopicPlan(name, n, replication, chosen | safe, fixed) for name, n, chosen, fixed in wanted]


def input_max_bytes(max_record_bytes: int) -> int:
    """`max.message.bytes` of an input topic."""
    return max(INPUT_HEADROOM * max_record_bytes, SMALLEST_INPUT_BYTES)


def differences(plan: TopicPlan, found: TopicFound, asked: Collection[str]) -> list[Difference]:
    """Where `found` is not as `plan` says, sorted by property.

    Partition count and replication are the owner's choice, so they differ only where they were asked for (`asked` names
    them) or where the system depends on them.
    """
    seen = []
    if found.partitions != plan.partitions and (plan.partitions_fixed or "partitions" in asked):
        seen.append(Difference("partitions", str(found.partitions), str(plan.partitions)))
    if "replication" in asked and found.replication < plan.replication:
        seen.append(Difference("replication", str(found.replication), str(plan.replication)))
    for name, fitting in plan.settings.items():
        value = found.settings.get(name, "")
        if not fits(name, value, fitting):
            seen.append(Difference(name, value, fitting))
    return sorted(seen, key=lambda one: one.property)


def fits(name: str, value: str, fitting: str) -> bool:
    """Whether `value` of the setting `name` is as good as the fitting one."""
    if value == fitting:
        return True
    if name not in AT_LEAST or not value.lstrip("-").isdigit():
        return False
    return int(value) == FOREVER or (int(fitting) != FOREVER and int(value) >= int(fitting))


def takes_inputs(rejects: Mapping[str, str], inputs: Iterable[Mapping[str, str]]) -> bool:
    """Whether the rejects topic takes at least what the input topics take in one batch, by their settings."""
    return all(int(rejects[MAX_BYTES]) >= int(one[MAX_BYTES]) for one in inputs)
