"""How long a worker takes to load a slot of many accounts and users, and what each costs in memory."""

import gc
import time

import numpy as np
import psutil
import redis

from schemas.moments import Calendar
from store.layout import Header, SlotName
from store.slots import SlotStore
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.batch import Batch
from stream.slot import SlotRules

_BATCH = 50_000
RULES = SlotRules(Calendar("UTC"), 3, 400, 1 << 20, user_scores=False)


def measure_start(client: redis.Redis, prefix: str, accounts: int) -> None:
    """Fill a slot with ``accounts`` accounts of one user each through the real fold and checkpoints, then load it."""
    name, store = SlotName(prefix + "start", 0), SlotStore(client)
    before = client.info("memory")["used_memory"]
    _fill(store, name, accounts)
    held = client.info("memory")["used_memory"] - before
    gc.collect()
    process = psutil.Process()
    resident, started = process.memory_info().rss, time.monotonic()
    stored = store.stored(name)
    assert stored is not None
    slot = ActionSlot(stored.header, RULES, store.read(name, stored, LOADED_AT_START))
    seconds = time.monotonic() - started
    grown = process.memory_info().rss - resident
    print(
        f"\nstart with {accounts:,} accounts and as many users: {seconds:.2f} s, "
        f"{grown / accounts:.0f} bytes of the worker and {held / accounts:.0f} of Redis per account with its user "
        f"({slot.header.counted:,} events counted)"
    )


def _fill(store: SlotStore, name: SlotName, accounts: int) -> None:
    header = Header(timezone="UTC", topic_id="bench", next_offset=0, first_offset=0)
    slot = ActionSlot(header, RULES, dict.fromkeys(LOADED_AT_START, b""))
    stored = store.stored(name)
    for first in range(0, accounts, _BATCH):
        numbers = range(first, min(first + _BATCH, accounts))
        values: list[bytes | None] = [
            b'{"account_id":"account-%07d","user_id":"user-%08d","action":"login","timestamp":"2026-11-01T10:00:00Z"}'
            % (number, number)
            for number in numbers
        ]
        times = np.full(len(values), 1_793_527_200_000)
        batch = Batch(name, 0, [], values, np.arange(numbers.start, numbers.stop), times, numbers.stop, None)
        slot.apply(slot.prepare(batch))
        record = slot.build(first.to_bytes(16, "big"), stored)
        store.checkpoint(name, stored, record)
        slot.confirmed()
        stored = record
