"""Clocks that jump, and midnight while a checkpoint is under way."""

from functools import partial

from tests.faults.build import Build, Jump
from tests.faults.catalog.fault import Fault
from tests.faults.system import System

HOUR, DAY = 3_600.0, 86_400.0
SLOW = 1.2
JUMPS_SECONDS = 3.0

CLOCKS = {
    "the monotonic clock jumps an hour ahead": Build(monotonic=(Jump(2.0, HOUR), Jump(2.7, HOUR))),
    "the monotonic clock jumps back, again and again": Build(
        monotonic=(Jump(1.8, -1.0), Jump(2.3, -1.5), Jump(2.8, -1.0))
    ),
    "the wall clock jumps days ahead and years back": Build(wall=(Jump(1.5, 30 * DAY), Jump(2.5, -4_000 * DAY))),
}


def jumps(build: Build, system: System) -> None:
    """One worker of two has a clock of its own."""
    system.stop(system.random.choice(system.workers))
    jumping = system.start_worker(build=build)
    system.awake([jumping])  # its jumps are timed from its start, and none may come while it stops
    system.rest(JUMPS_SECONDS, JUMPS_SECONDS + 1)
    system.steady()
    system.stop(jumping)
    system.start_worker()


def midnight(system: System) -> None:
    """Days end, and are closed, while every checkpoint takes over a second."""
    system.proxy.delay = SLOW
    for _ in range(3):
        delayed = system.proxy.delayed
        system.until(lambda before=delayed: system.proxy.delayed > before, what="a slow checkpoint")  # type: ignore[misc]
        system.feed.next_day()
    system.replace(system.random.choice(system.workers))
    system.proxy.delay = 0.0


FAULTS = (
    *(Fault("clock", name, partial(jumps, build)) for name, build in CLOCKS.items()),
    Fault("clock", "midnight during slow checkpoints", midnight),
)
