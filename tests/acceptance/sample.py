"""The real sample as the records that belong in the two input topics, read from its own files by its own notes."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from tests.acceptance.oracle import AccountRecord, Figures, Json
from tests.acceptance.plain_scores import expected_scores

SAMPLE = Path(__file__).parents[2] / "examples" / "lf_contrib"
EXPECTED = Path(__file__).parent / "expected"
DAYS = ("2023-10-15", "2023-11-30", "2023-12-31")


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(SAMPLE / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def actions() -> list[Json]:
    """In order of arrival, which is their event time here."""
    return [
        {
            "account_id": row["account_id"],
            "user_id": row["user_id"],
            "action": row["action"],
            "timestamp": row["arrived_at"],
            "message_id": row["event_id"],
        }
        for row in rows("events")
    ]


@cache
def accounts() -> list[AccountRecord]:
    """A record per account and month; one without Status where an account drops out of the list the next month."""
    months: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows("accounts_status_by_month"):
        months[row["month"]][row["account_id"]] = row["status"]
    records = []
    before: dict[str, str] = {}
    for month in sorted(months):
        states: dict[str, str | None] = {**dict.fromkeys(before), **months[month]}
        for account_id, status in states.items():
            value = {"account_id": account_id, "status": status, "effective_at": f"{month}-01T00:00:00Z"}
            records.append(AccountRecord(account_id, {name: part for name, part in value.items() if part is not None}))
        before = months[month]
    return records


@cache
def figures(as_of: str) -> dict[str, Figures]:
    """All figures of this day as the oracle works them out, by account; `test_oracle.py` holds it to `expected`."""
    return expected_scores(actions(), accounts(), date.fromisoformat(as_of))


@cache
def expected(as_of: str) -> dict[str, Figures]:
    """What an implementation by somebody else found for this day, by account; it knows no `change`."""
    with gzip.open(EXPECTED / f"{as_of}.jsonl.gz", "rt", encoding="utf-8") as file:
        return {record["account_id"]: record for record in map(json.loads, file)}
