"""Any bytes are decided alike by the fast path, the exact path and the checker: a bounded search for those that differ.

FUZZ_SECONDS is how long it looks (8), FUZZ_SEED where it starts. `python -m tests.faults.fuzz --minutes N` looks
longer, and keeps what it finds as an example for good.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.poison import IN_FUTURE, MAX_RECORD_BYTES, Case, account_cases, action_cases
from tests.faults.checker import Rules, decision
from tests.faults.fuzz import verdicts
from tests.faults.fuzz.findings import keep, kept
from tests.faults.fuzz.search import Finding, Search, findings, shrunk
from tests.faults.fuzz.verdicts import Record, exact, fast, independent

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
AMPLE = 16_000_000
SIZE = 10_000_000
ENOUGH = 10_000
"""Records to look at, however long it takes."""
_GOOD = b'{"account_id":"a","action":"b","timestamp":"2026-11-01T09:30:00Z"'
TEN_MEGABYTES = {
    "a text": _GOOD + b',"x":"' + b"x" * SIZE + b'"}',
    "a text of escapes": _GOOD + b',"x":"' + rb"\ud83d\ude00" * (SIZE // 12) + b'"}',
    "blanks": b" " * SIZE + _GOOD + b"}",
    "open arrays": _GOOD + b',"x":' + b"[" * SIZE,
    "arrays": _GOOD + b',"x":' + b"[" * (SIZE // 2) + b"]" * (SIZE // 2) + b"}",
    "a number": _GOOD + b',"x":' + b"7" * SIZE + b"}",
    "no UTF-8": _GOOD + b',"x":"' + b"\xff" * SIZE + b'"}',
}


def limit(monkeypatch: pytest.MonkeyPatch, most_bytes: int) -> None:
    """All three take values of this size."""
    monkeypatch.setattr(verdicts, "LIMIT", most_bytes)
    monkeypatch.setattr(verdicts, "RULES", Rules(timezone=verdicts.TIMEZONE, max_record_bytes=most_bytes))


def cases() -> Iterator[tuple[Record, Case]]:
    for topic, found in (("actions", action_cases(NOW)), ("accounts", account_cases(NOW))):
        for case in found:
            yield Record(topic, case.key, case.value), case


def test_mutants_are_decided_alike_by_all_three() -> None:
    seed = int(os.environ.get("FUZZ_SEED", Random().randrange(1 << 30)))
    search, found = Search(Random(seed)), list[Finding]()
    until = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "8"))
    while not found and (time.monotonic() < until or search.records <= ENOUGH):  # seconds say little of a busy machine
        found = search.batch()
    print(f"FUZZ_SEED={seed}: {search.records:,} records, {search.different} kinds of verdicts")
    assert not found, shrunk(found[0])
    assert search.different > 40


def test_what_was_found_once_is_decided_alike_for_good() -> None:
    assert not findings([*kept(), *(record for record, _ in cases())])


def test_the_checker_gives_the_reason_that_the_contract_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, MAX_RECORD_BYTES)
    for record, case in cases():
        if case.reason != IN_FUTURE:  # which is for the log to say
            said = independent(record)
            assert (said[1] if said[0] == "rejected" else None) == case.reason, case.name


def test_a_finding_is_kept_and_found_again(tmp_path: Path) -> None:
    record = Record("accounts", b"\xff", b'{"account_id":"\xff"}')
    keep(Finding(record, ("rejected", "a"), ("rejected", "b"), ("rejected", "c")), tmp_path)
    assert list(kept(tmp_path)) == [record]


def test_a_decoder_that_differs_is_found_and_its_record_cut_to_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "MOST_LICENSES", 1_000)
    search, found = Search(Random(1)), list[Finding]()
    while not found and search.records < 50_000:
        found = [one for one in search.batch() if one.record.topic == "accounts"]
    assert found
    assert len(shrunk(found[0]).record.value or b"") < 80


@pytest.mark.parametrize("name", TEN_MEGABYTES)
def test_ten_megabytes_are_decided_alike_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Record(topic, b"a", TEN_MEGABYTES[name]) for topic in ("actions", "accounts")]
    assert not findings(records)
    limit(monkeypatch, AMPLE)  # the checker is too slow to say anything here
    assert fast(records) == [exact(record)[0] for record in records]
