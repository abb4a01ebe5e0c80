"""Every fault that the system is put under, in order."""

from tests.faults.catalog import (
    bad_input,
    clock,
    group,
    job,
    kafka,
    kafka_lost,
    redis,
    redis_lost,
    redis_refusals,
    rejects,
    worker,
)
from tests.faults.catalog.fault import Fault

_MODULES = (worker, group, clock, redis, redis_refusals, kafka, bad_input, rejects, job, redis_lost, kafka_lost)

FAULTS: tuple[Fault, ...] = tuple(fault for module in _MODULES for fault in module.FAULTS)

_BY_NAME = {f"{fault.kind}: {fault.name}": fault for fault in FAULTS}
BRIEF: tuple[Fault, ...] = (
    *worker.TOGETHER,
    *(
        _BY_NAME[name]
        for name in (
            "worker: SIGKILL in a revoke, before the store",
            "worker: SIGSTOP past max.poll.interval, then SIGCONT",
            "clock: midnight during slow checkpoints",
            "redis: a reply is lost after the write was applied",
            "redis: restart from a torn file, and once more",
            "redis: restart from an older copy",
            "redis: rolled back while nothing comes in",
            "redis: maxmemory is reached",
            "kafka: the broker is killed and comes back",
            "kafka: logs end in markers of transactions",
            "rejects: the rejects topic is missing",
            "job: SIGKILL at one step of a run",
            "job: two jobs at once",
            "redis: restart empty, with traces in Kafka",
            "redis: a key is gone under its owner",
            "kafka: retention passes a stored offset",
        )
    ),
)
"""What a normal test run has time for, under five minutes: each way of losing or doubling something by one fault."""

__all__ = ["BRIEF", "FAULTS", "Fault"]
