"""Writes the tables of `docs/metrics.md` from the list in `store/metrics.py`: `python docs/metrics.py`."""

import re
from pathlib import Path

from store import metrics
from store.metrics import Metric

DOCUMENT = Path(__file__).with_name("metrics.md")
SECTIONS = {
    "Workers": metrics.WORKER,
    "Exporter": metrics.EXPORTER,
    "Daily job": metrics.JOB,
    "Canary": metrics.CANARY,
}
_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def table(listed: tuple[Metric, ...]) -> str:
    """One row for each metric, in the order of the list."""
    rows = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for one in listed:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "-"
        rows.append(f"| `{one.name}` | {one.kind} | {labels} | {one.help} |")
    return "\n".join(rows) + "\n"


def written(text: str) -> str:
    """The document with its tables as they should be: each section has one, its last."""
    parts = re.split(r"(?m)^(?=## )", text)
    for at, part in enumerate(parts):
        heading = part.partition("\n")[0].removeprefix("## ")
        if heading in SECTIONS:
            *before, after = _TABLE.split(part)
            parts[at] = "".join(before) + table(SECTIONS[heading]) + after
    return "".join(parts)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
