"""A picture of the system as metrics: a pure function. What is unknown is left out, never 0."""

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from schemas.settings import Settings
from store import metrics
from store.exposition import Figures, midnight
from store.layout import SlotName
from store.redis_state import RedisState
from store.runs import Published
from stream.lag_status import Status
from stream.picture import Partition, Picture

STALE_SECONDS = 60.0
"""Figures of an older picture say nothing about now."""
_DAY = dt.timedelta(days=1)


class Tallies(msgspec.Struct, frozen=True):
    """What is counted from picture to picture."""

    looks: int
    errors: Mapping[str, int]
    """By source: kafka, redis, runs, topics."""
    unknown: Mapping[SlotName, int]


NO_TALLIES = Tallies(0, dict.fromkeys(("kafka", "redis", "runs", "topics"), 0), {})


def tallied(before: Tallies, picture: Picture) -> Tallies:
    """The tallies after one more picture."""
    wrong = {
        "kafka": not picture.kafka.up,
        "redis": not picture.redis.up,
        "runs": picture.run_error is not None,
        "topics": bool(picture.missing_topics),
    }
    return Tallies(
        looks=before.looks + 1,
        errors={source: before.errors[source] + bad for source, bad in wrong.items()},
        unknown={
            one.slot: before.unknown.get(one.slot, 0) + (one.lag is None or one.lag_seconds is None)
            for one in picture.partitions
        },
    )


def figures_of(picture: Picture | None, tallies: Tallies, settings: Settings, now: float) -> Figures:
    """All metrics of the exporter at the time `now`."""
    figures = Figures()
    figures.add(metrics.EXPORTER_LOOKS, tallies.looks)
    for source, count in tallies.errors.items():
        figures.add(metrics.EXPORTER_ERRORS, count, source)
    for slot, count in sorted(tallies.unknown.items()):
        figures.add(metrics.PARTITION_LAG_UNKNOWN, count, slot.topic, slot.partition)
    if picture is None:
        return figures
    figures.add(metrics.EXPORTER_AGE, now - picture.at)
    figures.add(metrics.EXPORTER_LOOK_SECONDS, picture.took)
    if now - picture.at <= STALE_SECONDS:
        _add_system(figures, picture, settings, now)
    return figures


def _add_system(figures: Figures, picture: Picture, settings: Settings, now: float) -> None:
    for source in (picture.kafka, picture.redis):
        figures.add(metrics.EXPORTER_UP, source.up, source.name)
    for partition in picture.partitions:
        _add_partition(figures, partition, settings.group_id)
    if picture.kafka.up:
        for topic in (settings.topics.actions, settings.topics.accounts):
            figures.add(metrics.TOPIC_PRESENT, topic not in picture.missing_topics, topic)
    if picture.state is not None:
        _add_redis(figures, picture.state)
    if picture.run is not None:
        _add_run(figures, picture.run, settings.timezone, now)


def _add_partition(figures: Figures, one: Partition, group: str) -> None:
    names = (one.slot.topic, one.slot.partition)
    figures.add(metrics.PARTITION_LOG_START, one.log_start, *names)
    figures.add(metrics.PARTITION_LOG_END, one.log_end, *names)
    figures.add(metrics.PARTITION_STORED, one.stored, *names)
    figures.add(metrics.PARTITION_LAG_RECORDS, one.lag, *names)
    figures.add(metrics.PARTITION_LAG_SECONDS, one.lag_seconds, *names)
    figures.add(metrics.GROUP_LAG, one.lag, group, *names)
    figures.add(metrics.GROUP_LAG_SECONDS, one.lag_seconds, group, *names)
    figures.add(metrics.PARTITION_OWNED, one.owned, *names)
    if one.verdict is not None:
        for status in Status:
            figures.add(metrics.PARTITION_STATUS, one.verdict.status is status, *names, status)
    if one.obstacle is not None:
        figures.add(metrics.PARTITION_BLOCKED, 1, *names, one.obstacle)
    if one.totals is not None:
        figures.add(metrics.PARTITION_COUNTED, one.totals.counted, *names)
        figures.add(metrics.PARTITION_REJECTED, one.totals.rejected, *names)
        figures.add(metrics.PARTITION_LATE, one.totals.late, *names)
        newest = one.totals.newest_day
        day = midnight(dt.date.fromordinal(newest)) if newest else None
        figures.add(metrics.PARTITION_NEWEST_DAY, day, *names)


def _add_redis(figures: Figures, state: RedisState) -> None:
    figures.add(metrics.REDIS_MEMORY, state.memory)
    figures.add(metrics.REDIS_MEMORY_LIMIT, state.memory_limit)
    figures.add(metrics.REDIS_APPEND_ONLY, state.append_only)
    figures.add(metrics.REDIS_APPEND_ONLY_OK, state.append_only_ok)
    if state.append_only:
        figures.add(metrics.REDIS_APPEND_ONLY_BYTES, state.append_only_bytes)
        figures.add(metrics.REDIS_APPEND_ONLY_BASE_BYTES, state.append_only_base_bytes)
    figures.add(metrics.REDIS_SNAPSHOT_OK, state.snapshot_ok)
    figures.add(metrics.REDIS_EVICTED, state.evicted_keys)


def _add_run(figures: Figures, run: Published, timezone: str, now: float) -> None:
    manifest, day = run.manifest, dt.date.fromisoformat(run.manifest.as_of)
    figures.add(metrics.RUN_AS_OF, midnight(day))
    figures.add(metrics.RUN_AGE, now - midnight(day + _DAY, ZoneInfo(timezone)))
    figures.add(metrics.RUN_PUBLISHED, run.timestamp / 1000)
    figures.add(metrics.RUN_REVISION, manifest.revision)
    figures.add(metrics.RUN_ACCOUNTS, manifest.accounts)
    figures.add(metrics.RUN_RANKED, sum(cohort.ranked for cohort in manifest.cohorts.values()))
