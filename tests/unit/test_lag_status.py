"""Histories of offsets as they came about, and what the rules say of them."""

from functools import reduce

import pytest

from stream.lag_status import (
    RULES,
    SPACING_SECONDS,
    WINDOW_SECONDS,
    History,
    Sample,
    Status,
    extended,
    judge,
)

Row = tuple[float, int | None, int | None, float | None, bool | None]
"""Second, stored offset, lag, age of the oldest uncounted record, owned."""


def sample(row: Row, topic_id: str = "id", blocked: str | None = None) -> Sample:
    at, stored, lag, seconds, owned = row
    return Sample(at, topic_id, stored, lag, seconds, owned, blocked)


def history(*rows: Row) -> History:
    return tuple(map(sample, rows))


IDLE = [(t, 100, 0, 0.0, True) for t in (0, 10, 20, 30, 40)]
BUSY = [(t, 1000 * t, 200, 0.8, True) for t in (0, 10, 20, 30, 40)]
CATCHING_UP = [(0, 0, 90_000, 900.0, True), (10, 20_000, 71_000, 700.0, True), (20, 41_000, 51_000, 500.0, True)]
TOO_SLOW = [(0, 0, 9_000, 90.0, True), (60, 600, 9_900, 95.0, True), (120, 1200, 10_800, 100.0, True)]
STOPPED_PROCESS = [(0, 500, 0, 0.0, True), *((t, 500, 10 * t, float(t), True) for t in (5, 15, 25, 35))]
"""A worker under SIGSTOP: the group still sees it."""
NIGHT_THEN_EVENTS = [(0, 500, 0, 0.0, True), (300, 500, 0, 0.0, True), (301, 500, 40, 0.5, True)]
"""The offset stood still for long, but nothing waited."""
NEVER_STORED = [(t, None, 50, 40.0 + t, True) for t in (0, 10, 20, 30)]
REDIS_ROLLED_BACK = [(0, 1000, 5, 0.2, True), (10, 2000, 5, 0.2, True), (11, 1700, 305, 0.2, True)]
REPLAYED = [*REDIS_ROLLED_BACK, (13, 2010, 3, 0.2, True)]
SLOT_DELETED = [(0, 1000, 0, 0.0, True), (2, None, 1000, 4000.0, True)]
REBALANCE = [(0, 10, 1, 0.2, True), (5, 20, 1, 0.2, True), (7, 20, 30, 2.0, False)]
ALL_DEAD = [(0, 20, 0, 0.0, True), *((t, 20, t, float(t), False) for t in (5, 15, 25, 31))]
ALL_DEAD_AT_NIGHT = [(0, 20, 0, 0.0, True), *((t, 20, 0, 0.0, False) for t in (5, 15, 25, 31))]
GROUP_UNKNOWN = [(0, 10, 1, 0.2, None), (50, 20, 1, 0.2, None)]
AGE_UNKNOWN = [(0, 10, 1, 0.2, True), (5, 20, 7, None, True)]


@pytest.mark.parametrize(
    ("rows", "status", "rule"),
    [
        pytest.param(IDLE, Status.OK, 0, id="idle topic"),
        pytest.param(BUSY, Status.OK, 0, id="steady"),
        pytest.param(CATCHING_UP, Status.OK, 0, id="burst that is worked off"),
        pytest.param(CATCHING_UP[:1], Status.WARN, 5, id="one sample cannot say that the lag falls"),
        pytest.param(TOO_SLOW, Status.WARN, 5, id="offsets move but the lag grows"),
        pytest.param(STOPPED_PROCESS, Status.STALLED, 4, id="SIGSTOP"),
        pytest.param(STOPPED_PROCESS[:-1], Status.OK, 0, id="SIGSTOP, not for long"),
        pytest.param(NIGHT_THEN_EVENTS, Status.OK, 0, id="events after a quiet night"),
        pytest.param(NEVER_STORED, Status.STALLED, 4, id="an owner that never stored anything"),
        pytest.param(REDIS_ROLLED_BACK, Status.REWOUND, 3, id="Redis rolled back"),
        pytest.param(REPLAYED, Status.OK, 0, id="rolled back and counted again"),
        pytest.param(SLOT_DELETED, Status.REWOUND, 3, id="slot deleted"),
        pytest.param(REBALANCE, Status.OK, 0, id="rebalance"),
        pytest.param(ALL_DEAD, Status.NO_OWNER, 2, id="all workers dead"),
        pytest.param(ALL_DEAD[:-1], Status.OK, 0, id="all workers dead, not for long"),
        pytest.param(ALL_DEAD_AT_NIGHT, Status.NO_OWNER, 2, id="all workers dead and no events"),
        pytest.param(ALL_DEAD[1:2], Status.NO_OWNER, 2, id="one sample without an owner"),
        pytest.param(GROUP_UNKNOWN, Status.OK, 0, id="the broker does not say who owns it"),
        pytest.param(AGE_UNKNOWN, Status.WARN, 6, id="age unknown"),
    ],
)
def test_the_first_rule_that_holds_decides(rows: list[Row], status: Status, rule: int) -> None:
    verdict = judge(history(*rows))
    assert (verdict.status, verdict.rule) == (status, rule)
    assert (verdict.reason is None) == (status is Status.OK)


@pytest.mark.parametrize("rows", [IDLE, STOPPED_PROCESS, ALL_DEAD, REDIS_ROLLED_BACK, AGE_UNKNOWN])
def test_a_slot_that_cannot_go_on_is_stopped_whatever_else_is_true(rows: list[Row]) -> None:
    blocked = sample((rows[-1][0] + 1, *rows[-1][1:]), blocked="past the end")
    verdict = judge((*history(*rows), blocked))
    assert (verdict.status, verdict.rule, verdict.reason) == (Status.STOPPED, 1, "past the end")


def test_reasons_say_what_a_person_needs_to_know() -> None:
    assert judge(history(*STOPPED_PROCESS)).reason == "the stored offset has not moved for 30 s while 350 wait"
    assert judge(history(*REDIS_ROLLED_BACK)).reason == "the stored offset went back from 2000 to 1700"
    assert judge(history(*SLOT_DELETED)).reason == "the stored offset went back from 1000 to nothing"
    assert judge(history(*TOO_SLOW)).reason == "100 s behind and not catching up"
    assert judge(history(TOO_SLOW[-1])).reason == "100 s behind"


def test_every_rule_is_numbered_in_its_docstring_with_its_status() -> None:
    for number, (status, rule) in enumerate(RULES, 1):
        assert (rule.__doc__ or "").startswith(f"Rule {number}, {status}: ")


def test_a_history_stays_short_however_often_it_grows() -> None:
    samples = [sample((t / 10, t, 1, 0.1, True)) for t in range(10_000)]
    none: History = ()
    kept = reduce(extended, samples, none)
    assert kept[-1] is samples[-1]
    assert len(kept) <= WINDOW_SECONDS / SPACING_SECONDS + 2
    assert kept[-1].at - kept[0].at > WINDOW_SECONDS - 2 * SPACING_SECONDS


def test_a_topic_made_anew_begins_a_new_history() -> None:
    old = history(*BUSY)
    new = sample((41, 3, 0, 0.0, True), topic_id="another")
    assert extended(old, new) == (new,)
    assert judge(extended(old, new)).status is Status.OK
