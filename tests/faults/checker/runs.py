"""I7: published runs as a subscriber finds them, each whole or invisible, and never an older one after a newer."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException, Message

from tests.faults.checker.report import Report, Violation
from tests.faults.checker.topics import Topics, patiently

Figures = Mapping[str, object]
NOT_IN_DIGEST = ("run_id", "revision")
SHOWN = 3
MARKERS_SECONDS = 20.0
AGAIN_SECONDS = 0.5


class RunChecker:
    """Of one system."""

    def __init__(self, bootstrap: str, prefix: str, patience: float = MARKERS_SECONDS) -> None:
        self._patience = patience
        self._topics = Topics(bootstrap)
        self._scores, self._runs = f"{prefix}scores", f"{prefix}runs"
        self._violations: list[Violation] = []
        self._checks: Counter[str] = Counter()
        self._cells = self._events = 0

    def verify(self, expected: Mapping[str, Mapping[str, Figures]]) -> Report:
        """Look at all that is visible. ``expected`` has the figures of the newest run of a day by account.

        What is wrong must still be so a while later: a commit becomes visible partition by partition, and a coordinator
        that died meanwhile takes it up again when it is back.
        """
        deadline = time.monotonic() + self._patience
        while (report := self._look(expected)).violations and time.monotonic() < deadline:
            time.sleep(AGAIN_SECONDS)
        return report

    def _look(self, expected: Mapping[str, Mapping[str, Figures]]) -> Report:
        self._violations, self._cells = [], 0
        manifests = [_json(message) for message in self._read(self._runs)]
        records = [message for message in self._read(self._scores) if message.value() is not None]
        self._events = len(records)
        by_run: dict[str, list[Message]] = {str(one["run_id"]): [] for one in manifests}
        unknown: Counter[str] = Counter()
        for message in records:
            run_id = str(_json(message)["run_id"])
            if run_id in by_run:
                by_run[run_id].append(message)
            else:
                unknown[run_id] += 1
        for run_id, count in unknown.items():
            self._accuse(run_id, f"{count} records are visible and their manifest is not")
        self._in_order(manifests)
        newest = {str(one["as_of"]): one for one in manifests}
        for manifest in manifests:
            due = expected.get(str(manifest["as_of"])) if newest[str(manifest["as_of"])] is manifest else None
            self._whole(manifest, by_run[str(manifest["run_id"])], due)
        return Report(self._events, self._cells, dict(self._checks), tuple(self._violations))

    def _read(self, topic: str) -> list[Message]:
        """All records, in order of partition and offset."""
        places = patiently(lambda: self._topics.places([topic]), (KafkaException,))
        starts = patiently(lambda: self._topics.starts(places), (KafkaException,))
        ends = patiently(lambda: self._topics.ends(places), (KafkaException,))
        legs = {place: (starts[place], ends[place]) for place in places}
        found = [message for _, part in self._topics.read(legs) for message in part]
        return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))

    def _accuse(self, run: object, text: str) -> None:
        self._violations.append(Violation("I7", f"run {run}", text))

    def _in_order(self, manifests: list[dict[str, Any]]) -> None:
        """No run is older than one before it; revisions of a day rise by one; no run is there twice."""
        days, revisions = "", Counter[str]()
        for one in manifests:
            self._checks["I7"] += 1
            day = str(one["as_of"])
            if day < days:
                self._accuse(one["run_id"], f"of {day} follows a run of {days}")
            if one["revision"] != revisions[day]:
                self._accuse(one["run_id"], f"has revision {one['revision']} of {day}, not {revisions[day]}")
            revisions[day] += 1
            days = max(days, day)
        for run_id, count in Counter(str(one["run_id"]) for one in manifests).items():
            if count > 1:
                self._accuse(run_id, f"has {count} manifests")

    def _whole(
        self, manifest: Mapping[str, Any], messages: list[Message], expected: Mapping[str, Figures] | None
    ) -> None:
        """A record for each account and no more, of one digest; compacted ones are gone by right of a newer run."""
        self._checks["I7"] += 1
        run_id = manifest["run_id"]
        records = {str(record["account_id"]): record for record in map(_json, messages)}
        if len(messages) != manifest["accounts"] or len(records) != len(messages):
            text = f"has {len(messages)} records of {len(records)} accounts; its manifest says {manifest['accounts']}"
            self._accuse(run_id, text)
        for message in messages:
            if message.key() != str(_json(message)["account_id"]).encode():
                self._accuse(run_id, f"key {message.key()!r} of another account")
        same = {(one["as_of"], one["revision"]) for one in records.values()}
        if same - {(manifest["as_of"], manifest["revision"])}:
            self._accuse(run_id, f"has records of {sorted(same)}")
        found = _digest(messages)
        if found != manifest["digest"]:
            self._accuse(run_id, f"digest {manifest['digest']} is {found} by its records")
        if expected is not None:
            self._compare(run_id, records, expected)

    def _compare(self, run_id: object, records: Mapping[str, dict[str, Any]], expected: Mapping[str, Figures]) -> None:
        wrong = []
        for account in sorted(records.keys() | expected.keys()):
            found = {name: part for name, part in records.get(account, {}).items() if name not in NOT_IN_DIGEST}
            self._cells += len(found)
            if found != expected.get(account, {}):
                wrong.append(f"{account}: {found} instead of {expected.get(account)}")
        if wrong:
            self._accuse(run_id, f"{len(wrong)} accounts are wrong: {'; '.join(wrong[:SHOWN])}")


def _json(message: Message) -> dict[str, Any]:
    value = message.value()
    assert value is not None
    found: dict[str, Any] = json.loads(value)
    return found


def _digest(messages: list[Message]) -> str:
    """SHA-256 over the records in order of account, a line each, without what differs between revisions."""
    lines = {}
    for message in messages:
        record = _json(message)
        kept = {name: part for name, part in record.items() if name not in NOT_IN_DIGEST}
        lines[str(record["account_id"]).encode()] = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(b"".join(lines[account] + b"\n" for account in sorted(lines))).hexdigest()
