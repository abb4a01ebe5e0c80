"""The figures of a command's workers, added up, as one process shows them."""

import datetime as dt
from collections.abc import Iterable, Sequence

from store import metrics
from store.exposition import Figures
from store.metrics import Metric
from stream.worker_lag import Now, lag_of
from stream.worker_state import Distribution, Seen, SlotState, TopicState, WorkerState

_UNIX_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86_400


def worker_figures(seen: Sequence[Seen], now: Now) -> Figures:
    """All figures.

    A counter of a worker that ended still counts, so that no sum goes back. Its gauges are gone, but for why it is
    blocked: the others are being stopped then, and this is what somebody wants to know.
    """
    figures = Figures()
    figures.add(metrics.WORKERS_RUNNING, sum(one.running for one in seen))
    states = [one.state for one in seen if one.state is not None]
    alive = [one.state for one in seen if one.state is not None and one.running]
    slots = [slot for state in states for slot in state.slots.values()]
    _add_slot_gauges(figures, [slot for state in alive for slot in state.slots.values() if slot.owned], now)
    _add_slot_counters(figures, slots)
    _add_topics(figures, states)
    _add_assigned(figures, alive)
    _add_labelled(figures, metrics.WORKER_REBALANCES, [state.rebalances for state in states])
    _add_labelled(figures, metrics.WORKER_KAFKA_ERRORS, [state.kafka_errors for state in states])
    _add_processes(figures, seen, now)
    for slot in slots:
        if slot.blocked is not None:
            figures.add(metrics.PARTITION_BLOCKED, 1, slot.topic, slot.partition, slot.blocked.obstacle)
    return figures


def _add_slot_gauges(figures: Figures, slots: Iterable[SlotState], now: Now) -> None:
    for slot in slots:
        lag, place = lag_of(slot, now), (slot.topic, slot.partition)
        figures.add(metrics.WORKER_STORED_OFFSET, slot.stored_offset, *place)
        figures.add(metrics.WORKER_LOG_END_OFFSET, slot.log_end.offset if slot.log_end else None, *place)
        figures.add(metrics.WORKER_LAG_RECORDS, lag.records, *place)
        figures.add(metrics.WORKER_LAG_SECONDS, lag.seconds, *place)
        day = (slot.newest_day - _UNIX_EPOCH_DAY) * _DAY_SECONDS if slot.newest_day else None
        figures.add(metrics.WORKER_NEWEST_DAY, day, *place)
        figures.add(metrics.WORKER_PAUSED, slot.waiting_for is not None, *place)
        figures.add(metrics.WORKER_SLOT_BYTES, slot.slot_bytes if slot.stored_offset is not None else None, *place)


def _add_slot_counters(figures: Figures, slots: Sequence[SlotState]) -> None:
    """By partition, of all workers that own or owned it."""
    places = sorted({(slot.topic, slot.partition) for slot in slots})
    for place in places:
        mine = [slot for slot in slots if (slot.topic, slot.partition) == place]
        for metric, values in (
            (metrics.WORKER_COUNTED, [slot.counted for slot in mine]),
            (metrics.WORKER_LATE, [slot.late for slot in mine]),
            (metrics.WORKER_RELOADS, [slot.reloads for slot in mine]),
            (metrics.WORKER_WAITS, [slot.waits for slot in mine]),
            (metrics.WORKER_LAG_UNKNOWN, [slot.lag_unknown for slot in mine]),
        ):
            figures.add(metric, sum(values), *place)
        _add_labelled(figures, metrics.WORKER_REJECTED, [slot.rejected for slot in mine], *place)
        _add_labelled(figures, metrics.WORKER_CHECKPOINTS, [slot.checkpoints for slot in mine], *place)


def _add_labelled(figures: Figures, metric: Metric, counts: Sequence[dict[str, int]], *place: object) -> None:
    """Counters whose last label is the key of the counts."""
    for label in sorted({label for one in counts for label in one}):
        figures.add(metric, sum(one.get(label, 0) for one in counts), *place, label)


def _add_topics(figures: Figures, states: Sequence[WorkerState]) -> None:
    summed: dict[str, TopicState] = {}
    for state in states:
        for topic, one in state.topics.items():
            total = summed.setdefault(topic, TopicState())
            total.seconds.add(one.seconds)
            total.sizes.add(one.sizes)
    for topic, total in sorted(summed.items()):
        _add_distribution(figures, metrics.WORKER_CHECKPOINT_SECONDS, total.seconds, topic)
        _add_distribution(figures, metrics.WORKER_CHECKPOINT_BYTES, total.sizes, topic)


def _add_distribution(figures: Figures, metric: Metric, found: Distribution, topic: str) -> None:
    figures.add_histogram(metric, found.counts, found.total, topic)


def _add_assigned(figures: Figures, states: Sequence[WorkerState]) -> None:
    slots = [slot for state in states for slot in state.slots.values()]
    for topic in sorted({slot.topic for slot in slots}):
        figures.add(metrics.WORKER_ASSIGNED, sum(slot.owned for slot in slots if slot.topic == topic), topic)


def _add_processes(figures: Figures, seen: Sequence[Seen], now: Now) -> None:
    for one in seen:
        if one.state is not None:
            figures.add(metrics.WORKER_CPU, one.state.cpu_seconds, one.number)
            if one.running:
                figures.add(metrics.WORKER_RESIDENT, one.state.resident_bytes, one.number)
                figures.add(metrics.WORKER_LOOP_AGE, max(0.0, now.monotonic - one.state.turned_at), one.number)
