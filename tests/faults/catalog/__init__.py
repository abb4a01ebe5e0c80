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

_SINGLE = {fault.name for fault in (*worker.DEATHS, *worker.HANGING[1:], job.AT_EVERY_STEP)}
ONCE: tuple[Fault, ...] = (*worker.TOGETHER, *(fault for fault in FAULTS if fault.name not in _SINGLE))
"""The same in as little time as it takes: workers die at several steps at once, and a job at one step of many."""

__all__ = ["FAULTS", "ONCE", "Fault"]
