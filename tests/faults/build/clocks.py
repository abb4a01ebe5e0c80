"""Clocks that jump, for this process alone."""

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import stream.member
import stream.worker
from tests.faults.build import Build, Jump


def jumping(clock: Callable[[], float], jumps: Sequence[Jump]) -> Callable[[], float]:
    """``clock``, moved by every jump whose time has come."""
    start, real = time.monotonic(), time.monotonic

    def now() -> float:
        passed = real() - start
        return clock() + sum(jump.seconds for jump in jumps if passed >= jump.after)

    return now


def install(build: Build) -> None:
    """Give the worker the build's clocks. The monotonic one is the worker's alone: libraries keep their own."""
    if build.monotonic:
        clock = SimpleNamespace(monotonic=jumping(time.monotonic, build.monotonic))
        for module in (stream.worker, stream.member):
            if getattr(module, "time", None) is not time:
                raise SystemExit(f"test build: {module.__name__} has another source of time; see tests/faults/build")
            vars(module)["time"] = clock
    if build.wall:
        wall = jumping(time.time, build.wall)
        vars(time).update(time=wall, time_ns=lambda: round(wall() * 1e9))
