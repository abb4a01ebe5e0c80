"""Asks the broker every second how far the logs of owned slots go, in a thread beside the worker's.

The worker knows the age of what it has fetched. A paused partition fetches nothing, and one whose fetches fail neither,
so the oldest record there is read with a consumer of its own.
"""

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Self

from confluent_kafka.admin import AdminClient

from schemas.exits import EngagementError
from schemas.settings import Settings
from store.group_logs import read_bounds
from store.layout import SlotName
from store.record_times import RecordTimes, Uncounted
from stream.observed import Observed
from stream.worker_lag import lag_of, now
from stream.worker_state import LagBefore, LogEnd, OldestRecord, SlotState

LOOK_SECONDS = 1.0
TREND_SECONDS = 60.0
"""Lag is compared with that of so long ago to tell whether it falls."""
_LEAVE_SECONDS = 1.0


class LagWatch:
    """Works from entering to leaving a block; see the module."""

    def __init__(self, admin: AdminClient, settings: Settings, observed: Observed) -> None:
        self._admin = admin
        self._times = RecordTimes(settings)
        self._observed = observed
        self._left = threading.Event()
        self._lags: dict[SlotName, deque[LagBefore]] = {}
        self._thread = threading.Thread(target=self._run, name="lag-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """An answer that takes long is not waited for: the thread ends with the process."""
        self._left.set()
        self._thread.join(_LEAVE_SECONDS)

    def _run(self) -> None:
        while not self._left.wait(LOOK_SECONDS):
            slots = {SlotName(one.topic, one.partition): one for one in self._observed.owned()}
            with suppress(EngagementError):  # what is known gets old then, and old answers are no answers
                self._look(slots)
            self._remember(slots)
        self._times.close()

    def _look(self, slots: dict[SlotName, SlotState]) -> None:
        asked_at = time.monotonic()
        ends = {name: bounds.end for name, bounds in read_bounds(self._admin, slots).items()}
        for name, end in ends.items():
            slots[name].log_end = LogEnd(end, asked_at)
        unread = {
            name: Uncounted(slot.topic_id, slot.stored_offset, ends[name])
            for name, slot in slots.items()
            if slot.stored_offset is not None and slot.uncounted_timestamp is None
            if slot.stored_offset < ends.get(name, 0)
        }
        for name, oldest in self._times.oldest(unread).items():
            slots[name].oldest = OldestRecord(unread[name].start, oldest.timestamp, asked_at)

    def _remember(self, slots: dict[SlotName, SlotState]) -> None:
        """Keep the lag of TREND_SECONDS ago by each slot, once there is one."""
        moment = now()
        self._lags = {name: self._lags.get(name, deque()) for name in slots}
        for name, lags in self._lags.items():
            seconds = lag_of(slots[name], moment).seconds
            if seconds is None:
                slots[name].lag_unknown += 1
            else:
                lags.append(LagBefore(seconds, moment.monotonic))
            while lags and moment.monotonic - lags[0].at >= TREND_SECONDS:
                slots[name].lag_before = lags.popleft()
