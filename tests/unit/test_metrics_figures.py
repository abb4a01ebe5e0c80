"""The figures of several workers are added up, and those of one that ended are told apart."""

import time

from schemas.exits import Obstacle
from store import metrics
from store.exposition import Figures
from stream.worker_figures import worker_figures
from stream.worker_lag import Now
from stream.worker_state import Block, LogEnd, Seen, SlotState, Stage, TopicState, WorkerState

NOW = Now(monotonic=1_000.0, epoch=50_000.0)
PLACE = {"topic": "actions", "partition": "3"}


def owner(counted: int = 0) -> SlotState:
    return SlotState(
        "actions",
        3,
        owned=True,
        stored_offset=10,
        log_end=LogEnd(12, NOW.monotonic),
        newest_day=719_163 + 2,
        counted=counted,
    )


def state(*slots: SlotState) -> WorkerState:
    return WorkerState(
        7, NOW.monotonic - 4, Stage.RUNNING, in_group=True, cpu_seconds=1.5, slots={one.name: one for one in slots}
    )


def values(figures: Figures, metric: metrics.Metric) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels[name] for name in metric.labels): sample.value
        for family in figures
        for sample in family.samples
        if sample.name == metric.name
    }


def full_state() -> WorkerState:
    """Something in every field."""
    slot = owner(counted=5)
    slot.late = slot.reloads = slot.waits = slot.slot_bytes = 1
    slot.uncounted_timestamp = 49_990_000
    slot.rejected, slot.checkpoints = {"too_large": 2}, {"applied": 3}
    slot.blocked = Block(Obstacle.LOST, "decide")
    topic = TopicState()
    topic.seconds.observe(0.2)
    topic.sizes.observe(2_000)
    full = state(slot)
    full.topics, full.rebalances, full.kafka_errors = {"actions": topic}, {"assigned": 1}, {"_TRANSPORT": 2}
    full.resident_bytes = 1_000
    return full


def test_a_worker_shows_all_metrics_of_the_list_and_no_others() -> None:
    shown = {family.name for family in worker_figures([Seen(1, full_state())], NOW)}
    assert shown == {metric.name.removesuffix("_total") for metric in metrics.WORKER}


def test_of_a_partition_that_moved_the_counts_are_added_up_and_the_owner_is_believed() -> None:
    before = SlotState("actions", 3, counted=5, rejected={"too_large": 1})
    now = owner(counted=7)
    now.rejected = {"too_large": 2, "missing_field": 1}
    figures = worker_figures([Seen(1, state(before)), Seen(2, state(now))], NOW)
    assert values(figures, metrics.WORKER_COUNTED) == {("actions", "3"): 12}
    assert values(figures, metrics.WORKER_REJECTED) == {
        ("actions", "3", "missing_field"): 1,
        ("actions", "3", "too_large"): 3,
    }
    assert values(figures, metrics.WORKER_STORED_OFFSET) == {("actions", "3"): 10}
    assert values(figures, metrics.WORKER_ASSIGNED) == {("actions",): 1}


def test_distributions_of_several_workers_are_added_up() -> None:
    figures = worker_figures([Seen(1, full_state()), Seen(2, full_state())], NOW)
    (family,) = (one for one in figures if one.name == metrics.WORKER_CHECKPOINT_BYTES.name)
    found = {sample.name.rpartition("_")[2]: sample.value for sample in family.samples}
    assert (found["count"], found["sum"], found["bucket"]) == (2, 4_000, 2)
    assert {sample.labels.get("le"): sample.value for sample in family.samples}["1000.0"] == 0


def test_of_a_worker_that_ended_only_its_counts_and_its_block_are_shown() -> None:
    ended = Seen(1, full_state(), running=False)
    figures = worker_figures([ended], NOW)
    assert values(figures, metrics.WORKERS_RUNNING) == {(): 0}
    assert values(figures, metrics.WORKER_COUNTED) == {("actions", "3"): 5}
    assert values(figures, metrics.PARTITION_BLOCKED) == {("actions", "3", "lost"): 1}
    for metric in (metrics.WORKER_LAG_SECONDS, metrics.WORKER_STORED_OFFSET, metrics.WORKER_RESIDENT):
        assert values(figures, metric) == {}


def test_an_unknown_lag_is_absent_and_counted() -> None:
    slot = owner()
    slot.lag_unknown = 4
    figures = worker_figures([Seen(1, state(slot))], NOW)
    assert values(figures, metrics.WORKER_LAG_RECORDS) == {("actions", "3"): 2}
    assert values(figures, metrics.WORKER_LAG_SECONDS) == {}
    assert values(figures, metrics.WORKER_LAG_UNKNOWN) == {("actions", "3"): 4}


def test_moments_and_ages() -> None:
    figures = worker_figures([Seen(2, state(owner()))], NOW)
    assert values(figures, metrics.WORKER_NEWEST_DAY) == {("actions", "3"): 2 * 86_400}
    assert values(figures, metrics.WORKER_LOOP_AGE) == {("2",): 4}


def test_workers_that_said_nothing_yet_are_counted_only() -> None:
    figures = worker_figures([Seen(1, None), Seen(2, None)], NOW)
    assert {family.name for family in figures} == {metrics.BUILD_INFO.name, metrics.WORKERS_RUNNING.name}
    assert values(figures, metrics.WORKERS_RUNNING) == {(): 2}


def test_a_scrape_of_many_partitions_is_quick() -> None:
    slots = [SlotState("actions", number, owned=True, stored_offset=1) for number in range(512)]
    seen = [Seen(1, state(*slots))]
    started = time.thread_time()  # of this thread: others may still end what earlier tests began
    worker_figures(seen, NOW)
    assert time.thread_time() - started < 1.0
