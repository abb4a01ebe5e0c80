"""One slot: the fold of its log, and what was seen of it, compared where the fold gets there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Message

from tests.faults.checker.comparing import Comparing
from tests.faults.checker.fold import AccountFold, ActionFold, Fold
from tests.faults.checker.redo import Header
from tests.faults.checker.rejected import Copy, Ends, Rejected, fingerprint
from tests.faults.checker.report import Rules, Violation
from tests.faults.checker.slots import Place, State, named

MOST_KEPT = 40
"""Samples of a slot that wait for the next verification."""


@dataclass(frozen=True)
class Sample:
    """What a slot held, and where the rejects topic ended after that, None where nobody could say."""

    state: State
    ends: Ends | None

    @property
    def at(self) -> tuple[int, int]:
        """How far the log had been counted: gaps passed, and the next offset."""
        header = self.state.header
        return len(header.gaps), header.next_offset


class SlotCheck:
    """The fold starts at the header's first offset and leaves out its gaps. It starts again for another log."""

    def __init__(self, place: Place, rules: Rules, *, of_accounts: bool) -> None:
        self.place = place
        self._rules, self._of_accounts = rules, of_accounts
        self._comparing = Comparing()
        self._samples: list[Sample] = []
        self._waiting: list[Sample] = []
        self._origin: tuple[str, int] | None = None
        self._gaps: tuple[tuple[int, int], ...] = ()
        self._fold: Fold | None = None
        self.position = 0
        self._rejected: dict[int, tuple[str, bytes]] = {}
        self._rejected_before: dict[int, set[tuple[str, bytes]]] = {}
        self._due: list[int] = []
        self._promised: list[tuple[int, Ends]] = []
        self._early: list[Copy] = []
        self.events = self.cells = 0
        self.checks: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def accuse(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, named(self.place), text))

    def see(self, sample: Sample) -> None:
        """Keep a sample, unless it is the last one again."""
        if self._samples and self._samples[-1].state.redo.state_id == sample.state.redo.state_id:
            return
        self._samples.append(sample)
        if len(self._samples) > MOST_KEPT:
            del self._samples[1::2]

    def start_again(self) -> None:
        """A person set the slot back to the start of its log, which may have other records now."""
        self._samples.clear()
        self._origin = None

    def begin(self, now: Sample) -> None:
        """Start the way to ``now``, the present state; samples that lie on the way are compared in passing."""
        header = now.state.header
        if not self._goes_on_to(header):
            self._fold_anew(header)
        on_the_way = (one for one in self._samples if self._goes_on_to(one.state.header) and one.at <= now.at)
        self._waiting = [*sorted(on_the_way, key=lambda one: one.at), now]
        self._samples = []
        self._compare_up_to(self.position)

    def _goes_on_to(self, header: Header) -> bool:
        """Whether the fold, as it stands, comes to this header if it goes on."""
        passed = len(self._gaps)
        if self._origin is None or self._origin[1] != header.first_offset or header.gaps[:passed] != self._gaps:
            return False
        if len(header.gaps) > passed:
            return self.position <= header.gaps[passed][0]
        return self._origin[0] == header.topic_id and self.position <= header.next_offset

    def _fold_anew(self, header: Header) -> None:
        for offset, rejected in self._rejected.items():
            self._rejected_before.setdefault(offset, set()).add(rejected)
        self._fold = AccountFold(self._rules) if self._of_accounts else ActionFold(self._rules)
        self._origin, self._gaps, self.position = (header.topic_id, header.first_offset), (), header.first_offset
        self._rejected, self._due, self._promised = {}, [], []

    def leg(self) -> tuple[int, int] | None:
        """The next offsets to fold, without a gap; None at the end of the way."""
        if not self._waiting:
            return None
        goal = self._waiting[-1].state.header
        passed = len(self._gaps)
        return self.position, goal.gaps[passed][0] if passed < len(goal.gaps) else goal.next_offset

    def fold(self, messages: Iterable[Message]) -> None:
        """Fold records of the leg."""
        take, totals = self._fold.take, self._fold.totals  # type: ignore[union-attr]
        following = self._following()
        for message in messages:
            offset: int = message.offset()  # type: ignore[assignment]
            if following is not None and offset >= following:
                self._compare_up_to(offset)
                following = self._following()
            key, value = message.key(), message.value()
            self.events += 1
            reason = take(offset, message.timestamp()[1], key, value)
            if reason is not None:
                totals.rejected += 1
                self._rejected[offset] = reason, fingerprint(key, value)
                self._due.append(offset)
            self.position = offset + 1

    def end_leg(self) -> None:
        """The leg has been folded: go on behind the gap that it ends with, if it does."""
        leg = self.leg()
        assert leg is not None
        self.position = leg[1]
        self._compare_up_to(self.position)
        if self._waiting:
            goal = self._waiting[-1].state.header
            gap = goal.gaps[len(self._gaps)]
            self._gaps, self.position = (*self._gaps, gap), gap[1]
            if len(self._gaps) == len(goal.gaps):
                self._origin = (goal.topic_id, goal.first_offset)
            self._compare_up_to(self.position)

    def give_up(self, why: str) -> None:
        """The way cannot be gone."""
        self.accuse("I1", why)
        self._waiting, self._origin = [], None

    def _following(self) -> int | None:
        """The offset of the next sample before the next gap."""
        if self._waiting and self._waiting[0].at[0] == len(self._gaps):
            return self._waiting[0].at[1]
        return None

    def _compare_up_to(self, offset: int) -> None:
        """Compare the samples that saw what has been folded: everything below ``offset``."""
        while self._waiting and self._waiting[0].at <= (len(self._gaps), offset):
            self._compare(self._waiting.pop(0))

    def _compare(self, sample: Sample) -> None:
        assert self._fold is not None
        cells, wrong = self._comparing.differences(sample.state, self._fold)
        self.cells += cells
        self.checks["I1"] += 1
        header = sample.state.header
        for text in wrong:
            totals = text.startswith(("counted", "rejected"))
            self.accuse(
                "I6" if totals else "I1", f"at offset {header.next_offset} (sequence {header.sequence}): {text}"
            )
        if sample.ends is not None:
            self._promised.append((len(self._due), sample.ends))

    def judge_rejects(self, rejected: Rejected, fresh: Iterable[Copy]) -> None:
        """Every record that was passed and does not count was in the topic before, and no other is in there."""
        judged = 0
        for count, ends in self._promised:
            self.checks["I6"] += 1
            for offset in self._due[judged:count]:
                self._judge_due(offset, ends, rejected)
            judged = count
        del self._due[:judged]
        self._promised = []
        early, self._early = [*self._early, *fresh], []
        for copy in early:
            self._judge_copy(copy)

    def _judge_due(self, offset: int, ends: Ends, rejected: Rejected) -> None:
        reason, found = self._rejected[offset]
        copies = [one for one in rejected.copies(self.place, offset) if one.print == found]
        if not copies:
            self.accuse(
                "I6", f"the record at {offset} ({reason}) was passed and is not in the rejects topic as received"
            )
        elif not any(one.before(ends) for one in copies):
            self.accuse("I6", f"the record at {offset} ({reason}) was passed before it was in the rejects topic")
        elif all(one.reason != reason for one in copies):
            self.accuse("I6", f"the record at {offset} was rejected as {copies[0].reason}, not {reason}")

    def _judge_copy(self, copy: Copy) -> None:
        offset = copy.offset
        if self._origin is None or offset >= self.position:
            self._early.append(copy)
            return
        reasons = {*self._rejected_before.get(offset, ())}
        if offset in self._rejected:
            reasons.add(self._rejected[offset])
        in_gap = any(start <= offset < end or end <= offset < start for start, end in self._gaps)
        if (copy.reason, copy.print) in reasons or in_gap:
            return
        known = any(found == copy.print for _, found in reasons)
        what = "for another reason" if known else "though it counts, or is another record"
        self.accuse("I6", f"the record at {offset} is in the rejects topic as {copy.reason}, {what}")
