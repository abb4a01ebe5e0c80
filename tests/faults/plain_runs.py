"""What a published run must say by the plain definitions, from what its manifest says it has read."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from confluent_kafka import Message

from tests.acceptance.engine import Engine, read_topic
from tests.acceptance.oracle import AccountRecord, Figures
from tests.acceptance.plain_scores import Rules, expected_scores
from tests.acceptance.published import headers, manifests, text
from tests.faults.checker import Rules as SlotRules
from tests.faults.checker.json_text import room_for_depth

Place = tuple[str, int, int]


def expected_run(engine: Engine, as_of: str, rules: SlotRules) -> dict[str, Figures]:
    """The figures of the newest run of ``as_of``, by account; of a log short enough to be read one by one."""
    inputs = [manifest["inputs"] for manifest in manifests(engine) if manifest["as_of"] == as_of][-1]
    assert isinstance(inputs, dict)
    refused = _refused(engine)
    actions = _counted(engine, engine.prefix + "actions", inputs, refused)
    accounts = _counted(engine, engine.prefix + "accounts", inputs, refused)
    return expected_scores(
        [_members(message.value()) for message in actions],
        [_account_record(message) for message in accounts],
        date.fromisoformat(as_of),
        Rules(timezone=rules.timezone, lateness_days=rules.lateness_days),
        partitions=[message.partition() or 0 for message in actions],
    )


def _counted(engine: Engine, topic: str, inputs: Mapping[str, int], refused: set[Place]) -> list[Message]:
    """The records that count of those that the run had read."""
    messages = read_topic(engine.kafka, topic)
    return [
        message
        for message in messages
        if (message.offset() or 0) < inputs[f"{topic}/{message.partition()}"] and _place(message) not in refused
    ]


def _refused(engine: Engine) -> set[Place]:
    found = [headers(message) for message in read_topic(engine.kafka, engine.prefix + "rejects")]
    return {(one["topic"], int(one["partition"]), int(one["offset"])) for one in found}


def _place(message: Message) -> Place:
    return message.topic() or "", message.partition() or 0, message.offset() or 0


def _account_record(message: Message) -> AccountRecord:
    _, timestamp = message.timestamp()
    place = (timestamp, message.partition() or 0, message.offset() or 0)
    value = message.value()
    return AccountRecord(text(message.key()), None if value is None else _members(value), place)


def _members(value: bytes | None) -> dict[str, Any]:
    with room_for_depth():
        found: dict[str, Any] = json.loads(text(value))
    return found
