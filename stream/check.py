"""Whether events would be accepted, by the code that counts them, as if they came into an empty partition right now.

Whether there is room for them depends on what a partition holds, so that is not looked at.
"""

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import numpy as np

from schemas.exits import UsageError
from schemas.rejects import Reject
from schemas.settings import Settings
from store.layout import Header, SlotName
from stream.account_slot import AccountSlot
from stream.action_slot import LOADED_AT_START, ActionSlot
from stream.batch import Batch, Keyed
from stream.limits import NO_LIMITS
from stream.slot import SlotRules

LINES_AT_ONCE = 1_000
SLOT = SlotName("check", 0)


class Topic(StrEnum):
    """The two input topics, without their prefix."""

    ACTIONS = "actions"
    ACCOUNTS = "accounts"

    def within(self, settings: Settings) -> str:
        """Its name in this system."""
        return settings.topics.actions if self is Topic.ACTIONS else settings.topics.accounts


class Unsent(Keyed, Protocol):
    """A record as it would be, before any broker has it."""

    @property
    def value(self) -> bytes | None:
        """The record's value."""


class LineVerdict(msgspec.Struct, frozen=True):
    """What would become of the event on a line (from 1). `reason` and `detail` are None where it would be counted."""

    line: int
    accepted: bool
    reason: str | None
    detail: str | None


class Line(msgspec.Struct, frozen=True):
    """A line as the record it would be. An account record is taken to have the key that it should have."""

    value: bytes

    def key(self) -> bytes | None:
        """The account id in the value, None where there is none to be found."""
        try:
            return msgspec.json.decode(self.value, type=_Named).account_id.encode()
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None


class _Named(msgspec.Struct):
    account_id: str


@contextmanager
def open_lines(file: str) -> Iterator[BinaryIO]:
    """The lines of a file, or of stdin for "-". Raises UsageError where it cannot be read."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        lines = Path(file).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}; name a file with one JSON event a line, or - for stdin"
        raise UsageError(message) from error
    with lines:
        yield lines


def check_lines(
    lines: Iterable[bytes], topic: Topic, settings: Settings, clock: Callable[[], float] = time.time
) -> Iterator[LineVerdict]:
    """A verdict for each line, in order. `clock` (seconds since the epoch) gives the Kafka timestamp of the records."""
    rules = replace(SlotRules.of(settings), limits=NO_LIMITS)
    newest_day, start = 0, 0
    remaining = iter(lines)
    while batch := [Line(line.removesuffix(b"\n")) for line in itertools.islice(remaining, LINES_AT_ONCE)]:
        refused, newest_day = refusals(batch, topic, rules, newest_day, int(clock() * 1000))
        for at in range(len(batch)):
            yield _verdict(start + at + 1, refused.get(at))
        start += len(batch)


def refusals(
    records: Sequence[Unsent], topic: Topic, rules: SlotRules, newest_day: int, now: int
) -> tuple[dict[int, Reject], int]:
    """The rejects by position in `records`, which a slot would give that is empty but for its newest day, and that day.

    `now` (ms) is the Kafka timestamp of them all.
    """
    header = Header(timezone=rules.calendar.timezone, topic_id="", next_offset=0, first_offset=0, newest_day=newest_day)
    batch = Batch(
        slot=SLOT,
        generation=0,
        messages=records,
        values=[record.value for record in records],
        offsets=np.arange(len(records)),
        timestamps=np.full(len(records), now),
        end=len(records),
        leader_epoch=None,
    )
    if topic is Topic.ACCOUNTS:
        return dict(AccountSlot(header, rules, {}).prepare(batch).rejects), 0
    prepared = ActionSlot(header, rules, dict.fromkeys(LOADED_AT_START, b"")).prepare(batch)
    return dict(prepared.rejects), prepared.newest_day


def _verdict(line: int, refused: Reject | None) -> LineVerdict:
    if refused is None:
        return LineVerdict(line, accepted=True, reason=None, detail=None)
    return LineVerdict(line, accepted=False, reason=refused.reason.value, detail=refused.detail)
