"""However a slot moves, the ledger calls right what is right, and wrong what is wrong.

The truth is a log of the canary's events and others'; a slot is any prefix of it, counted by day.
"""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stream.canary.ledger import Ledger, Outcome, Reading

NOT_OURS = 0
"""The day of a record that another producer sent: any record takes an offset."""


class LogAndLedger(RuleBasedStateMachine):
    """One partition. Days and times only rise, as those of a process do."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.log: list[int] = []
        self.day = 10
        self.at = 0.0
        self.flying: list[tuple[int, float]] = []
        self.lost: list[int] = []
        """Days of events of which Kafka said nothing: each may still come, before the next one that it takes."""
        self.uncertain = False
        self.stored = 0
        self.outcome: Outcome | None = None
        self.delays = 0
        self.taken = 0
        self.first_compared = 0
        """The offset after the first event that is taken for right."""

    @rule(records=st.integers(1, 3), of_before=st.booleans())
    def others_come(self, records: int, *, of_before: bool) -> None:
        """Others' records, or those of a canary that ran before: then ours have not begun."""
        ours = of_before and not self.taken and not self.flying
        self.log += [self.day if ours else NOT_OURS] * records

    @rule()
    def send(self) -> None:
        self.at += 1
        self.flying.append((self.day, self.at))
        self.ledger.sending(self.at)

    @precondition(lambda self: self.flying)
    @rule(landed=st.lists(st.booleans(), max_size=3))
    def kafka_takes_it(self, landed: list[bool]) -> None:
        self.log += [day for day, come in zip(self.lost, landed, strict=False) if come]
        day, at = self.flying.pop(0)
        self.log.append(day)
        if self.uncertain or not self.taken:
            self.first_compared = len(self.log)
        self.lost.clear()
        self.uncertain = False
        self.taken += 1
        self.ledger.took(len(self.log) - 1, day, at)

    @precondition(lambda self: self.flying)
    @rule()
    def kafka_says_nothing(self) -> None:
        day, at = self.flying.pop(0)
        self.lost.append(day)
        self.uncertain = True
        self.ledger.failed(at)

    @precondition(lambda self: not self.flying)
    @rule()
    def a_day_begins(self) -> None:
        self.day += 1

    @rule(part=st.floats(0, 1))
    def the_slot_moves(self, part: float) -> None:
        """On, back to an older state, or to the start of the log."""
        self.stored = round(part * len(self.log))
        self.look()

    @rule()
    def the_slot_catches_up(self) -> None:
        self.stored = len(self.log)
        self.look()

    def look(self) -> None:
        days = self.ledger.wants(self.stored)
        if days:
            self.outcome = self.read(days)
            self.delays += len(self.outcome.delays)

    def read(self, days: tuple[int, ...], tampered: int = 0) -> Outcome:
        held = Counter(self.log[: self.stored])
        counts = {day: held[day] + tampered for day in days}
        return self.ledger.read(Reading(self.stored, (), counts), self.at)

    @precondition(lambda self: not self.flying and not self.lost and self.ledger.difference == 0)
    @rule(by=st.integers(-3, 3).filter(bool))
    def a_wrong_count_is_seen_with_the_next_event(self, by: int) -> None:
        self.send()
        self.kafka_takes_it([])
        self.stored = len(self.log)
        outcome = self.read(self.ledger.wants(self.stored), by)
        self.delays += len(outcome.delays)
        assert (outcome.difference, outcome.news) == (by, True)
        self.send()
        self.kafka_takes_it([])
        self.the_slot_catches_up()
        assert self.ledger.difference == 0

    @invariant()
    def nothing_is_called_wrong(self) -> None:
        assert self.ledger.difference in (None, 0)

    @invariant()
    def each_event_is_in_once_at_most(self) -> None:
        assert self.delays <= self.taken

    @invariant()
    def what_is_known_of_a_day_is_what_the_log_has_of_it(self) -> None:
        if self.ledger.difference is None or self.flying:
            return
        for end in range(self.first_compared, len(self.log) + 1):
            for day in (self.day - 1, self.day):
                assert self.ledger.known(day, end) in (None, self.log[:end].count(day))
        assert self.ledger.known(self.day, len(self.log)) is not None


TestLogAndLedger = LogAndLedger.TestCase


@given(gaps=st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_the_oldest_is_the_first_that_is_not_in(gaps: list[int]) -> None:
    ledger, offset = Ledger(), 0
    for at, gap in enumerate(gaps):
        ledger.sending(float(at))
        assert ledger.oldest() == 0.0
        offset += gap
        ledger.took(offset, 1, float(at))
        offset += 1
    ledger.wants(offset - 1)
    assert ledger.oldest() == float(len(gaps) - 1)
    ledger.wants(offset)
    assert ledger.oldest() is None
