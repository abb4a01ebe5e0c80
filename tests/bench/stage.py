"""One stage of the pipeline in a process of its own: `python -m tests.bench.stage consume|decode|fold|pipeline EVENTS`.

Prints one line of JSON: events, wall and CPU seconds from the first record on, peak memory.
"""

import gc
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from confluent_kafka import Message, TopicPartition

from schemas.settings import Settings, load_settings
from store.connect import connect_redis, kafka_admin, kafka_consumer
from store.layout import Header, SlotName
from store.offsets import log_bounds
from store.slots import SlotStore
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.decode import decode_actions
from stream.member import FILL_SECONDS, consumer_settings, fetch
from stream.received import by_partition, to_batch
from stream.slot import SlotRules
from stream.worker import run_worker


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def consume(settings: Settings, events: int, each: Callable[[list[Message]], None]) -> tuple[float, float]:
    """Read the actions topic from its start; wall and CPU seconds from the first record on."""
    topic = settings.topics.actions
    consumer = kafka_consumer(settings, **consumer_settings(settings, (topic,)))
    slots = log_bounds(kafka_admin(settings), [topic])
    consumer.assign([TopicPartition(topic, slot.partition, 0) for slot in slots])
    gc.disable()
    seen, started, used = 0, 0.0, 0.0
    while seen < events:
        messages = fetch(consumer, FILL_SECONDS)
        if messages and not started:
            started, used = time.monotonic(), cpu()
        each(messages)
        seen += len(messages) - sum(map(bool, map(Message.error, messages)))
    spent = time.monotonic() - started, cpu() - used
    consumer.close()
    return spent


def decode(messages: list[Message]) -> None:
    decode_actions([message.value() for message in messages if message.error() is None], 1 << 20)


def fold(settings: Settings) -> Callable[[list[Message]], None]:
    slots: dict[SlotName, ActionSlot] = {}
    empty = dict.fromkeys(LOADED_AT_START, b"")

    def each(messages: list[Message]) -> None:
        for name, records in by_partition(messages).items():
            if name not in slots:
                header = Header(timezone="UTC", topic_id="", next_offset=0, first_offset=0)
                slots[name] = ActionSlot(header, SlotRules.of(settings), empty)
            slots[name].apply(slots[name].prepare(to_batch(name, 0, records)))

    return each


def pipeline(settings: Settings, events: int) -> tuple[float, float]:
    """The real worker until Redis holds every event."""
    stop, seen = threading.Event(), {"started": 0.0, "used": 0.0, "wall": 0.0}
    store = SlotStore(connect_redis(settings))
    slots = log_bounds(kafka_admin(settings), [settings.topics.actions])

    def watch() -> None:
        while not stop.wait(0.1):
            records = [store.stored(slot) for slot in slots]
            stored = sum(record.header.next_offset for record in records if record)
            if stored >= events:
                seen["wall"] = time.monotonic() - seen["started"]
                stop.set()

    seen["started"], used = time.monotonic(), cpu()
    threading.Thread(target=watch, daemon=True).start()
    run_worker(settings, stop)
    return seen["wall"], cpu() - used


def main() -> None:
    """Run the stage that the command line names."""
    name, events = sys.argv[1], int(sys.argv[2])
    settings = load_settings(os.environ)
    if name == "pipeline":
        wall, used = pipeline(settings, events)
    else:
        steps = {"consume": lambda _: None, "decode": decode, "fold": fold(settings)}
        wall, used = consume(settings, events, steps[name])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": events, "wall": wall, "cpu": used, "peak_mib": peak}))


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
