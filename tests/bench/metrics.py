"""What the worker's notes about itself cost: `python -m services run -- python -m tests.bench.metrics`.

Hooks are called as the worker calls them and timed against decoding and folding the same events. What goes on by itself
(looking at the lag, answering a scrape) is timed by the second.
"""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from schemas.settings import Settings, load_settings
from store.connect import kafka_admin
from store.exposition import text_of
from store.layout import Header, SlotName
from store.redo import RedoRecord
from store.slots import Answer
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.batch import Batch
from stream.lag_watch import LagWatch
from stream.observed import Observed, ObservedSlot
from stream.owned import CHECKPOINT_EVENTS
from stream.slot import SlotRules
from stream.worker_figures import worker_figures
from stream.worker_lag import now
from stream.worker_state import Seen
from tests import support

BATCH = 5_000
"""Events of one partition in a fetch of 20,000 over four."""
WATCHED_SECONDS = 10.0
MOMENT = 1_750_000_000_000


@dataclass(frozen=True)
class Cost:
    """CPU seconds of counting events, and of the notes about it."""

    events: int
    counting: float
    noting: float

    @property
    def share(self) -> float:
        """Of the notes in the whole."""
        return self.noting / (self.counting + self.noting)


def batch_at(offset: int, size: int) -> Batch:
    """Actions of 1,000 accounts and 10,000 users on one day."""
    text = '{{"account_id":"account-{}","action":"view","user_id":"u{}","timestamp":"2025-06-15T10:{:02}:00Z"}}'
    numbers = range(offset, offset + size)
    values: list[bytes | None] = [text.format(at % 1000, at % 10_000, at % 60).encode() for at in numbers]
    offsets = np.arange(offset, offset + size, dtype=np.int64)
    return Batch(SlotName("actions", 0), 1, [], values, offsets, np.full(size, MOMENT), offset + size, 1)


def cost_of_notes(settings: Settings, events: int) -> Cost:
    """Count so many events twice: with a clock around the counting, and around the notes."""
    batches = [batch_at(at, BATCH) for at in range(0, events, BATCH)]
    slot = ActionSlot(Header("UTC", "id", 0, 0), SlotRules.of(settings), dict.fromkeys(LOADED_AT_START, b""))
    observed = Observed()
    notes = observed.slot(SlotName("actions", 0))
    notes.loaded(slot.header)
    spent = {"counting": 0.0, "noting": 0.0}
    stored: RedoRecord | None = None
    for batch in batches:
        spent["counting"] += _timed(lambda batch=batch: slot.apply(slot.prepare(batch)))  # type: ignore[misc]
        spent["noting"] += _timed(lambda batch=batch: _note_batch(observed, notes, batch))  # type: ignore[misc]
        if batch.end % CHECKPOINT_EVENTS == 0:
            record = slot.build(bytes(16), stored)
            spent["noting"] += _timed(lambda before=stored, record=record: _note_checkpoint(notes, before, record))  # type: ignore[misc]
            slot.confirmed()
            stored = record
    return Cost(events, **spent)


def _note_batch(observed: Observed, notes: ObservedSlot, batch: Batch) -> None:
    """A turn of the loop, and the steps of a slot in it: records and what is due."""
    for _ in range(3):
        observed.turned()
    notes.took(batch)
    notes.goes_on()


def _note_checkpoint(notes: ObservedSlot, stored: RedoRecord | None, record: RedoRecord) -> None:
    notes.answered(Answer.APPLIED, 0.01, len(record.encoded))
    notes.built()
    notes.stored(stored, record)


def _timed(step: Callable[[], object]) -> float:
    started = time.thread_time()
    step()
    return time.thread_time() - started


def cost_of_watching(settings: Settings, partitions: int) -> float:
    """CPU seconds a second of looking at the lag of so many partitions, all threads of librdkafka included."""
    topic = f"bench-{secrets.token_hex(3)}"
    support.create_topics(settings.kafka_bootstrap_servers, {topic: partitions})
    admin = kafka_admin(settings)
    observed = Observed()
    for partition in range(partitions):
        name = SlotName(topic, partition)
        observed.assigned(name)
        observed.slot(name).loaded(Header("UTC", "id", 0, 0))
    used = time.process_time()
    with LagWatch(admin, settings, observed):
        time.sleep(WATCHED_SECONDS)
        used = time.process_time() - used
    support.delete_topics(settings.kafka_bootstrap_servers, topic)
    return used / WATCHED_SECONDS


def cost_of_a_scrape(slots: int) -> float:
    """CPU seconds of an answer about so many partitions, from the copy of the state to the text."""
    observed = Observed()
    for partition in range(slots):
        name = SlotName("actions", partition)
        observed.assigned(name)
        observed.slot(name).loaded(Header("UTC", "id", 0, 0))
    times = 20
    used = time.process_time()
    for _ in range(times):
        text_of(worker_figures([Seen(1, observed.state())], now()))
    return (time.process_time() - used) / times


def main() -> None:
    """Print all costs."""
    settings = load_settings(os.environ)
    cost = cost_of_notes(settings, 2_000_000)
    per_event = 1e9 / cost.events
    print(f"counting: {cost.counting * per_event:,.0f} ns an event, notes: {cost.noting * per_event:.2f} ns an event")
    print(f"notes: {100 * cost.share:.4f} % of decoding and folding")
    print(f"a scrape of 8 partitions: {cost_of_a_scrape(8) * 1000:.2f} ms CPU")
    print(f"looking at the lag of 8 partitions: {cost_of_watching(settings, 8) * 100:.2f} % of a core")


if __name__ == "__main__":
    main()
