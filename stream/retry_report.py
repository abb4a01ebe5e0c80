"""What `engagement-stream rejects retry` says: of each record in a dry run, and how many there were."""

from collections import Counter
from typing import TextIO

from schemas.exits import EngagementError
from schemas.rejects import Reason, printable
from stream.rejects_report import SHOWN_CHARACTERS
from stream.rejudge import Judged

VERDICTS = ("topic", "partition", "offset", "reason", "refused again", "value", "detail")
"""`reason` is why the original was refused; the detail is that of the second refusal."""


def verdict_cells(judged: Judged) -> tuple[object, ...]:
    """The cells of a record under VERDICTS."""
    one, why = judged
    source, value = one.rejected.source, (one.value or b"")[: SHOWN_CHARACTERS * 4].decode(errors="replace")
    again = (None, "") if why is None else (why.reason.value, why.detail)
    place = (source.topic, source.partition, source.offset, one.rejected.reason)
    return (*place, again[0], printable(value, SHOWN_CHARACTERS), again[1])


def say(out: TextIO, what: str, sent: int, skipped: int, refused: Counter[Reason]) -> None:
    """Say how many records `what` happened to, and what was left out; `skipped` were sent again before.

    Raises EngagementError where some would be refused again, or where all that was chosen was sent again before.
    """
    if skipped and not sent and not refused:
        raise EngagementError(f"nothing is left to send: sent again before: {skipped}; --force sends them once more")
    out.write(f"{what}: {sent}\n")
    if skipped:
        out.write(f"left out, as they were sent again before: {skipped} (--force sends them once more)\n")
    if refused:
        reasons = ", ".join(f"{reason} {refused[reason]}" for reason in Reason if reason in refused)
        out.write(f"left out, as they would be refused again: {refused.total()} ({reasons})\n")
        raise EngagementError(
            f"{refused.total()} would be refused again, for the detail that --dry-run shows; correct their values "
            "in what `engagement-stream rejects list --output json` prints, and send that with --file"
        )
