"""A slot holds what the words of the design make of its log, wherever batches, checkpoints and crashes cut that log."""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.rejects import Reason
from stream.action_slot import ActionSlot
from tests.property import slot_owner
from tests.property.generated_log import ZONES, Draw, drawn, encoded, log_of, random_draws
from tests.property.key_space import KeySpace
from tests.property.plain_slot import DAY_MS, EPOCH, Action, Figures, LogRecord, PlainLimits, PlainRules, PlainSlot
from tests.property.slot_owner import CHUNK_BYTES, Owner

BEFORE_JUDGING = {Reason.TOO_LARGE, Reason.MALFORMED_JSON, Reason.MISSING_FIELD, Reason.INVALID_FIELD}


class Cut(NamedTuple):
    """What happens next: a batch of ``size`` records, from ``again`` records further back, and then a step."""

    size: int
    again: int
    past_gap: bool
    step: str
    writes: int


STEPS = ["go on", "checkpoint", "checkpoint", "lose request", "lose reply", "die midway", "crash", "crash"]
cuts = st.lists(
    st.builds(
        Cut,
        st.sampled_from([0, 1, 2, 5, 9, 20]),
        st.sampled_from([0, 0, 1, 3]),
        st.booleans(),
        st.sampled_from(STEPS),
        st.integers(0, 12),
    ),
    max_size=14,
)
few = st.sampled_from([math.inf, math.inf, 1, 2, 3, 5])
limits = st.just(PlainLimits()) | st.builds(
    PlainLimits,
    accounts=few,
    users=few,
    actions=few,
    profiles=few,
    series=few,
    name_bytes=st.sampled_from([math.inf, math.inf, 1, 2, 3, 45, 512]),
)
rules_of_all_kinds = st.builds(
    lambda zone, days, users, limits: PlainRules(zone, days[0], days[1], users, limits),
    st.sampled_from(sorted(ZONES)),
    st.sampled_from([(0, 0), (0, 2), (1, 1), (1, 4), (3, 9)]),
    st.booleans(),
    limits,
)


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with slot_owner.small_limits():
        yield


def take(owner: Owner, cut: Cut) -> None:
    owner.fold(cut.size, again=cut.again, past_gap=cut.past_gap)
    if cut.step == "checkpoint":
        owner.checkpoint()
    elif cut.step == "lose request":
        owner.build()
    elif cut.step == "lose reply":
        owner.lose_reply()
    elif cut.step == "die midway":
        owner.die_midway(cut.writes)
    elif cut.step == "crash":
        owner.load()


def truth(log: list[LogRecord], rules: PlainRules) -> dict[int, Figures]:
    """The figures by how many records are counted."""
    plain, found = PlainSlot(rules), {0: PlainSlot(rules).figures()}
    for at, record in enumerate(log, 1):
        found[at] = plain.count([record]).figures()
    return found


def counted_records(owner: Owner) -> int:
    record = owner.keys.stored()
    assert record is not None
    return sum(one.offset < record.header.next_offset for one in owner.log)


def finish(owner: Owner) -> None:
    """Count the rest, and checkpoint until the strings hold all of it without the redo record."""
    owner.fold(len(owner.log))
    for _ in range(4):
        owner.checkpoint()


def check_nothing_is_left_over(owner: Owner) -> None:
    record = owner.keys.stored()
    assert record is not None
    assert list(record.writes()) == []
    lengths = record.header.lengths
    assert set(owner.keys.chunks) == {
        (name, n) for name, size in lengths.items() for n in range(-(-size // CHUNK_BYTES))
    }


def check_reasons(owner: Owner) -> None:
    expected = PlainSlot(owner.rules).count(owner.log).reasons
    seen = {at: "form" if reason in BEFORE_JUDGING else reason for at, reason in owner.reasons.items()}
    assert seen == expected


@settings(deadline=None, max_examples=250)
@given(drawn, cuts, rules_of_all_kinds)
def test_wherever_a_log_is_cut_the_slot_holds_what_its_records_say(
    draws: list[Draw], cuts: list[Cut], rules: PlainRules
) -> None:
    log = log_of(draws, rules.timezone)
    expected = truth(log, rules)
    owner = Owner(log, rules, KeySpace(CHUNK_BYTES))
    for cut in cuts:
        take(owner, cut)
        if (held := owner.held()) is not None:
            assert held == expected[counted_records(owner)]
    finish(owner)
    assert owner.held() == expected[len(log)]
    check_nothing_is_left_over(owner)
    check_reasons(owner)


SOME = PlainLimits(accounts=250, users=700, actions=2, profiles=1, series=450, name_bytes=9_000)


@pytest.mark.parametrize("limits", [PlainLimits(), SOME], ids=["all names", "some names"])
@pytest.mark.parametrize("zone", sorted(ZONES))
def test_a_long_log_of_many_names_is_counted_through_crashes(zone: str, limits: PlainLimits) -> None:
    rnd, rules = random.Random(zone), PlainRules(zone, 1, 6, user_scores=True, limits=limits)
    log = log_of(random_draws(rnd, 3_000, 400), zone)
    owner = Owner(log, rules, KeySpace(CHUNK_BYTES))
    while owner.slot.header.next_offset <= log[-1].offset:
        take(
            owner, Cut(rnd.randrange(400), rnd.randrange(50), rnd.random() < 0.5, rnd.choice(STEPS), rnd.randrange(99))
        )
    finish(owner)
    assert owner.held() == PlainSlot(rules).count(log).figures()
    check_nothing_is_left_over(owner)
    check_reasons(owner)


class Restarts:
    """A slot whose owner starts again with other settings; records are given as (days after the first, user)."""

    def __init__(self, **settings: int) -> None:
        self.keys, self.log = KeySpace(CHUNK_BYTES), list[LogRecord]()
        self.restart(**settings)

    def restart(self, **settings: int) -> None:
        self.owner = Owner(self.log, PlainRules(**settings), self.keys)  # type: ignore[arg-type]

    def count(self, *days: int) -> Figures:
        for day in days:
            moment = round((ZONES["UTC"] - EPOCH).total_seconds() * 1000) + day * DAY_MS
            action = Action("a", "view", f"user {len(self.log)}", None, moment)
            self.log.append(LogRecord(len(self.log), moment + 30 * DAY_MS, encoded(action), action))
        self.owner.fold(len(days))
        self.owner.checkpoint()
        held = self.owner.held()
        assert held is not None
        return held


def test_a_closed_day_takes_no_minute_whatever_lateness_is_set_later() -> None:
    slot = Restarts(lateness_days=0, retention_days=90)
    before = slot.count(0, 2)
    slot.restart(lateness_days=9, retention_days=90)

    after = slot.count(0, 1)

    assert after.minutes == before.minutes
    assert after.closed_through == before.closed_through
    assert (after.late, after.counted) == (2, 4)
    assert sum(map(len, after.active.values())) == 4


def test_a_smaller_lateness_closes_more_days_at_the_next_checkpoint() -> None:
    slot = Restarts(lateness_days=5, retention_days=90)
    before = slot.count(0, 2, 4)
    slot.restart(lateness_days=1, retention_days=90)

    after = slot.count(4)

    assert after.closed_through == before.closed_through + 4
    assert sum(after.minutes.values()) == 4


def test_a_pruned_day_stays_refused_whatever_retention_is_set_later() -> None:
    slot = Restarts(lateness_days=0, retention_days=2)
    before = slot.count(0, 5)
    slot.restart(lateness_days=0, retention_days=90)

    after = slot.count(2, 3)

    assert (after.pruned_before, after.rejected) == (before.pruned_before, 1)
    assert slot.owner.reasons == {2: Reason.BEFORE_RETENTION}


def test_a_smaller_retention_prunes_at_the_next_checkpoint_and_keeps_the_first_day() -> None:
    slot = Restarts(lateness_days=0, retention_days=90)
    before = slot.count(0, 5)
    slot.restart(lateness_days=0, retention_days=2)

    after = slot.count(5)

    assert min(day for _, day, _ in after.counts) == after.newest_day
    assert after.first_day == before.first_day


def test_actions_of_users_are_counted_from_when_user_scores_are_set() -> None:
    slot = Restarts(lateness_days=0, retention_days=90)
    slot.count(0, 0)
    slot.restart(lateness_days=0, retention_days=90, user_scores=True)

    after = slot.count(0, 0)

    assert sorted(user for user, _, _ in after.user_counts) == [("a", "user 2"), ("a", "user 3")]
    assert after.counted == 4


def test_days_out_of_order_leave_memory_once_they_are_stored() -> None:
    slot = Restarts(lateness_days=0, retention_days=90)
    slot.count(*range(20, 0, -1))

    assert isinstance(slot.owner.slot, ActionSlot)
    assert len(slot.owner.slot._days) == 2  # noqa: SLF001  memory is what this is about
    assert sum(slot.count(*range(1, 21)).counts.values()) == 40
