"""The one list of all metrics of the project. `docs/metrics.md` explains them; a test holds the two together.

A name says where a figure comes from: `engagement_worker_` is what a worker knows of itself, `engagement_job_` the
daily job's text file, `engagement_canary_` the canary, everything else the exporter, which needs no worker. No label
grows with accounts or events.
"""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a figure is, as Prometheus names it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """One metric: its name as it is shown, `_total` of a counter included."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, without +Inf."""


class _Section:
    """The metrics of one process, in the order in which they are named here, after those that it shares with others."""

    def __init__(self, *shared: Metric) -> None:
        self.metrics = shared

    def counter(self, name: str, labels: tuple[str, ...], text: str) -> Metric:
        return self._with(Metric(name, Kind.COUNTER, labels, text))

    def gauge(self, name: str, labels: tuple[str, ...], text: str) -> Metric:
        return self._with(Metric(name, Kind.GAUGE, labels, text))

    def histogram(self, name: str, labels: tuple[str, ...], text: str, buckets: tuple[float, ...]) -> Metric:
        return self._with(Metric(name, Kind.HISTOGRAM, labels, text, buckets))

    def _with(self, metric: Metric) -> Metric:
        self.metrics = (*self.metrics, metric)
        return metric


_NONE: tuple[str, ...] = ()
_PARTITION = ("topic", "partition")
_WORKER = ("worker",)

# Every process that serves metrics, and the job's file.

BUILD_INFO = Metric("engagement_build_info", Kind.GAUGE, ("version",), "1, with the version that runs.")

# The worker and the exporter.

PARTITION_BLOCKED = Metric(
    "engagement_partition_blocked",
    Kind.GAUGE,
    (*_PARTITION, "reason"),
    "1 where a slot cannot go on and a person must decide. A worker shows it until it ends, the exporter always.",
)

# The worker: what it knows of the partitions that it owns. Gauges are there while it owns them, counters stay.

_worker = _Section(BUILD_INFO)

WORKER_STORED_OFFSET = _worker.gauge(
    "engagement_worker_stored_offset", _PARTITION, "The next offset of the slot, as the last checkpoint made it true."
)
WORKER_LOG_END_OFFSET = _worker.gauge(
    "engagement_worker_log_end_offset", _PARTITION, "Last stable offset of the log, asked of the broker every second."
)
WORKER_LAG_RECORDS = _worker.gauge(
    "engagement_worker_lag_records", _PARTITION, "Offsets from the stored one to the end of the log. Absent if unknown."
)
WORKER_LAG_SECONDS = _worker.gauge(
    "engagement_worker_lag_seconds", _PARTITION, "Age of the oldest record that is not stored. Absent if unknown."
)
WORKER_LAG_UNKNOWN = _worker.counter(
    "engagement_worker_lag_unknown_total", _PARTITION, "Looks, one a second, that could not tell the lag."
)
WORKER_NEWEST_DAY = _worker.gauge(
    "engagement_worker_newest_day_timestamp_seconds", _PARTITION, "Newest day counted, as 00:00 UTC of its date."
)
WORKER_COUNTED = _worker.counter(
    "engagement_worker_events_counted_total", _PARTITION, "Events that became true in Redis by this process."
)
WORKER_REJECTED = _worker.counter(
    "engagement_worker_events_rejected_total", (*_PARTITION, "reason"), "Records refused, each once, by reason."
)
WORKER_LATE = _worker.counter(
    "engagement_worker_events_late_total", _PARTITION, "Counted events that were too late to add a minute."
)
WORKER_CHECKPOINTS = _worker.counter(
    "engagement_worker_checkpoints_total",
    (*_PARTITION, "outcome"),
    "Checkpoints by answer: applied, already (resent after a lost reply), other (somebody else wrote), error (none).",
)
WORKER_CHECKPOINT_SECONDS = _worker.histogram(
    "engagement_worker_checkpoint_seconds",
    ("topic",),
    "Time from sending a checkpoint to Redis' answer, or to giving up on it.",
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
WORKER_CHECKPOINT_BYTES = _worker.histogram(
    "engagement_worker_checkpoint_bytes",
    ("topic",),
    "Bytes of a checkpoint that was sent.",
    (1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0, 100_000_000.0),
)
WORKER_RELOADS = _worker.counter(
    "engagement_worker_reloads_total", _PARTITION, "Times the slot was loaded again: another wrote it, or a rollback."
)
WORKER_WAITS = _worker.counter(
    "engagement_worker_waits_total", _PARTITION, "Steps that Redis or Kafka did not answer; each is tried again."
)
WORKER_PAUSED = _worker.gauge(
    "engagement_worker_partition_paused", _PARTITION, "1 while the partition waits for an answer and fetches nothing."
)
WORKER_SLOT_BYTES = _worker.gauge("engagement_worker_slot_bytes", _PARTITION, "Bytes of the slot's strings, in Redis.")
WORKER_ASSIGNED = _worker.gauge(
    "engagement_worker_assigned_partitions", ("topic",), "Partitions that the group gave to this process."
)
WORKER_REBALANCES = _worker.counter(
    "engagement_worker_rebalances_total", ("kind",), "Changes of what is owned, by topic: assigned, revoked, lost."
)
WORKER_KAFKA_ERRORS = _worker.counter(
    "engagement_worker_kafka_errors_total", ("code",), "Errors of the Kafka clients by librdkafka's name of the code."
)
WORKER_LOOP_AGE = _worker.gauge(
    "engagement_worker_loop_age_seconds", _WORKER, "Time since the worker's loop took a step."
)
WORKER_RESIDENT = _worker.gauge("engagement_worker_resident_memory_bytes", _WORKER, "Memory of the worker's process.")
WORKER_CPU = _worker.counter("engagement_worker_cpu_seconds_total", _WORKER, "CPU time of the worker's process.")
WORKERS_RUNNING = _worker.gauge("engagement_worker_processes", _NONE, "Worker processes of this command that run.")

WORKER = (*_worker.metrics, PARTITION_BLOCKED)

# The daily job's text file, for the node_exporter's textfile collector.

_job = _Section(BUILD_INFO)

JOB_LAST_RUN = _job.gauge(
    "engagement_job_last_run_timestamp_seconds", _NONE, "When the last run ended, however it went."
)
JOB_LAST_SUCCESS = _job.gauge(
    "engagement_job_last_success_timestamp_seconds",
    _NONE,
    "When the last run ended that published or repeated.",
)
JOB_OUTCOME = _job.gauge(
    "engagement_job_last_run_outcome",
    ("outcome",),
    "1 for what the last run came to, else 0: published, repeated, refused, incomplete, unavailable, blocked, failed.",
)
JOB_PHASE_SECONDS = _job.gauge(
    "engagement_job_phase_seconds", ("phase",), "Time of the last run by phase: connect, wait, read, score, publish."
)
JOB_ACCOUNTS = _job.gauge("engagement_job_accounts", _NONE, "Accounts in the last successful run.")
JOB_RANKED = _job.gauge("engagement_job_ranked_accounts", _NONE, "Accounts with a rank in the last successful run.")
JOB_COHORTS = _job.gauge("engagement_job_cohorts", _NONE, "Cohorts of the last successful run.")
JOB_AS_OF = _job.gauge(
    "engagement_job_as_of_timestamp_seconds", _NONE, "as_of of the last successful run, as 00:00 UTC of its date."
)

JOB = _job.metrics

# The exporter: from Redis and Kafka alone.

_exporter = _Section(BUILD_INFO, PARTITION_BLOCKED)

EXPORTER_UP = _exporter.gauge(
    "engagement_exporter_up", ("source",), "1 where the source (kafka, redis) answered, else 0."
)
EXPORTER_ERRORS = _exporter.counter(
    "engagement_exporter_errors_total",
    ("source",),
    "Looks at which kafka, redis, runs (the newest run) or topics (an input topic is missing) gave no answer.",
)
EXPORTER_LOOKS = _exporter.counter("engagement_exporter_looks_total", _NONE, "Looks at the whole system so far.")
EXPORTER_LOOK_SECONDS = _exporter.gauge("engagement_exporter_look_seconds", _NONE, "How long the newest look took.")
EXPORTER_AGE = _exporter.gauge(
    "engagement_exporter_age_seconds",
    _NONE,
    "Age of the look that all figures are from; beyond 60 s they are left out.",
)
PARTITION_LOG_START = _exporter.gauge(
    "engagement_partition_log_start_offset", _PARTITION, "First offset that the log has."
)
PARTITION_LOG_END = _exporter.gauge("engagement_partition_log_end_offset", _PARTITION, "Last stable offset of the log.")
PARTITION_STORED = _exporter.gauge(
    "engagement_partition_stored_offset", _PARTITION, "Next offset of the slot in Redis. Absent without a slot."
)
PARTITION_LAG_RECORDS = _exporter.gauge(
    "engagement_partition_lag_records",
    _PARTITION,
    "Offsets from the stored one to the end of the log. Absent if unknown.",
)
PARTITION_LAG_SECONDS = _exporter.gauge(
    "engagement_partition_lag_seconds", _PARTITION, "Age of the oldest uncounted record. Absent if unknown."
)
PARTITION_LAG_UNKNOWN = _exporter.counter(
    "engagement_partition_lag_unknown_total", _PARTITION, "Looks that could not tell the lag in offsets or in seconds."
)
PARTITION_STATUS = _exporter.gauge(
    "engagement_partition_status",
    (*_PARTITION, "status"),
    "1 for the status of the partition, 0 for the rest: OK, WARN, STALLED, STOPPED, REWOUND, NO_OWNER.",
)
PARTITION_OWNED = _exporter.gauge(
    "engagement_partition_owned", _PARTITION, "1 where a member of the group owns the partition, else 0."
)
PARTITION_COUNTED = _exporter.counter(
    "engagement_partition_events_counted_total", _PARTITION, "Events that the slot counts, since it began."
)
PARTITION_REJECTED = _exporter.counter(
    "engagement_partition_events_rejected_total", _PARTITION, "Records of the log that were refused, since it began."
)
PARTITION_LATE = _exporter.counter(
    "engagement_partition_events_late_total", _PARTITION, "Counted events that were too late to add a minute."
)
PARTITION_NEWEST_DAY = _exporter.gauge(
    "engagement_partition_newest_day_timestamp_seconds", _PARTITION, "Newest day counted, as 00:00 UTC of its date."
)
GROUP_LAG = _exporter.gauge(
    "kafka_consumergroup_lag",
    ("group", *_PARTITION),
    "engagement_partition_lag_records under the name that other tools use.",
)
GROUP_LAG_SECONDS = _exporter.gauge(
    "kafka_consumergroup_lag_seconds",
    ("group", *_PARTITION),
    "engagement_partition_lag_seconds under the name that other tools use.",
)
TOPIC_PRESENT = _exporter.gauge("engagement_topic_present", ("topic",), "1 where the input topic exists, else 0.")
REDIS_MEMORY = _exporter.gauge("engagement_redis_memory_bytes", _NONE, "Memory that Redis uses (used_memory).")
REDIS_MEMORY_LIMIT = _exporter.gauge(
    "engagement_redis_memory_limit_bytes", _NONE, "Its maxmemory, beyond which it refuses writes; 0 for none."
)
REDIS_APPEND_ONLY = _exporter.gauge(
    "engagement_redis_append_only", _NONE, "1 with an append-only file, which it needs, else 0."
)
REDIS_APPEND_ONLY_OK = _exporter.gauge(
    "engagement_redis_append_only_ok",
    _NONE,
    "1 if the last write of the append-only file worked, and the last time that it was made small, else 0.",
)
REDIS_APPEND_ONLY_BYTES = _exporter.gauge(
    "engagement_redis_append_only_bytes", _NONE, "What the append-only file takes on Redis' disk."
)
REDIS_APPEND_ONLY_BASE_BYTES = _exporter.gauge(
    "engagement_redis_append_only_base_bytes",
    _NONE,
    "What it took when Redis last made it small, which it does again at twice as much, on a second copy.",
)
REDIS_SNAPSHOT_OK = _exporter.gauge(
    "engagement_redis_snapshot_ok", _NONE, "1 if the last snapshot (RDB) worked, else 0: Redis then refuses writes."
)
REDIS_EVICTED = _exporter.counter(
    "engagement_redis_evicted_keys_total", _NONE, "Keys that Redis evicted; each one was part of some counters."
)
RUN_AS_OF = _exporter.gauge(
    "engagement_run_as_of_timestamp_seconds", _NONE, "as_of of the newest published run, as 00:00 UTC of its date."
)
RUN_AGE = _exporter.gauge(
    "engagement_run_age_seconds", _NONE, "Time since the end of that day, in the configured time zone."
)
RUN_PUBLISHED = _exporter.gauge(
    "engagement_run_published_timestamp_seconds", _NONE, "When the newest run was published, by its record."
)
RUN_REVISION = _exporter.gauge("engagement_run_revision", _NONE, "Revision of the newest published run.")
RUN_ACCOUNTS = _exporter.gauge("engagement_run_accounts", _NONE, "Accounts in the newest published run.")
RUN_RANKED = _exporter.gauge(
    "engagement_run_ranked_accounts", _NONE, "Accounts with a rank in the newest published run."
)

EXPORTER = _exporter.metrics

# The canary: what becomes of events that it sends itself.

_canary = _Section(BUILD_INFO)

CANARY_ROUNDS = _canary.counter(
    "engagement_canary_rounds_total", _NONE, "Rounds of one event to each partition so far."
)
CANARY_ERRORS = _canary.counter(
    "engagement_canary_errors_total",
    ("source",),
    "Steps at which kafka, redis or runs (the newest run and its scores) gave no answer.",
)
CANARY_SENT = _canary.counter("engagement_canary_sent_total", _PARTITION, "Events that Kafka took.")
CANARY_SEND_FAILURES = _canary.counter(
    "engagement_canary_send_failures_total", _PARTITION, "Events of which Kafka did not say in 30 s that it took them."
)
CANARY_COUNTED = _canary.counter(
    "engagement_canary_counted_total", _PARTITION, "Events that the stored offset has passed; see the difference."
)
CANARY_DELAY = _canary.histogram(
    "engagement_canary_delay_seconds",
    _PARTITION,
    "Time from sending an event until it is in Redis, looked for every 0.25 s.",
    (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0),
)
CANARY_WAITING = _canary.gauge(
    "engagement_canary_waiting_seconds", _PARTITION, "Age of the oldest event that is not in Redis; 0 where all are."
)
CANARY_DIFFERENCE = _canary.gauge(
    "engagement_canary_difference",
    _PARTITION,
    "The count in Redis of the newest day minus what was sent; 0 is right. Absent if unknown.",
)
CANARY_WRONG = _canary.counter(
    "engagement_canary_wrong_total", _PARTITION, "Times that the count became another than what was sent."
)
CANARY_SCORE_AS_OF = _canary.gauge(
    "engagement_canary_score_as_of_timestamp_seconds",
    _NONE,
    "as_of of the newest run that was compared, as 00:00 UTC of its date.",
)
CANARY_SCORE_DIFFERENCE = _canary.gauge(
    "engagement_canary_score_difference",
    _NONE,
    "Actions that this run publishes of the account minus those of its days; 0 is right. Absent without any.",
)

CANARY = _canary.metrics
