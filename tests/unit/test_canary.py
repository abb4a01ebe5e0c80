"""What the canary concludes and shows, by itself: no Kafka, no Redis."""

import datetime as dt

import msgspec
import pytest

from schemas.manifest import Manifest
from schemas.scores import ScoreRecord
from store import metrics
from store.exposition import text_of
from store.layout import Gap, SlotName
from store.runs import Published
from stream.canary.ledger import KEPT_DAYS, KEPT_EVENTS, Ledger, Reading
from stream.canary.picture import HUNG_SECONDS, Delays, Path, Seen, figures_of, liveliness, readiness, waiting
from stream.canary.scores import ScoreCheck, score_check
from tests.parts import score_body, settings_with

EVENTS = KEPT_EVENTS + 50
"""More than a ledger keeps."""
SLOT = SlotName("engagement.actions", 3)
DAY = dt.date(2025, 6, 30).toordinal()
NOTHING = Seen(100.0, 1, {"kafka": 0, "redis": 2, "runs": 0}, {}, {}, None)


def seen(path: Path, **changes: object) -> Seen:
    return msgspec.structs.replace(NOTHING, paths={SLOT: path}, **changes)


def counted(ledger: Ledger, offset: int, count: int, day: int = DAY, gaps: tuple[Gap, ...] = ()) -> int | None:
    """The difference once an event at this offset is taken and in, where its day counts so much."""
    ledger.sending(float(offset))
    ledger.took(offset, day, float(offset))
    assert ledger.wants(offset + 1) == (day,)
    return ledger.read(Reading(offset + 1, gaps, {day: count}), offset + 1.5).difference


def test_an_event_takes_from_being_sent_to_being_seen() -> None:
    ledger = Ledger()
    ledger.sending(10.0)
    ledger.took(5, DAY, 10.0)
    assert ledger.wants(5) == ()
    assert ledger.wants(6) == (DAY,)
    assert ledger.read(Reading(6, (), {DAY: 1}), 12.5).delays == (2.5,)
    assert ledger.wants(6) == ()


def test_an_event_is_in_for_the_first_time_once_also_where_the_slot_goes_back_in_between() -> None:
    ledger = Ledger()
    counted(ledger, 5, 1)
    ledger.sending(9.0)
    ledger.took(9, DAY, 9.0)
    assert ledger.wants(10) == (DAY,)
    assert ledger.read(Reading(3, (), {DAY: 0}), 10.0).delays == ()
    assert ledger.oldest() == 5.0
    assert ledger.wants(10) == (DAY,)
    assert ledger.read(Reading(10, (), {DAY: 2}), 11.0).delays == (2.0,)


def test_nothing_is_compared_while_kafka_has_not_answered() -> None:
    ledger = Ledger()
    counted(ledger, 5, 1)
    ledger.sending(20.0)
    ledger.sending(21.0)
    ledger.took(6, DAY, 20.0)
    assert ledger.wants(8) == ()


def test_a_gap_that_a_person_accepted_is_a_new_base() -> None:
    ledger = Ledger()
    assert counted(ledger, 5, 1) == 0
    assert counted(ledger, 6, 1, gaps=(Gap(6, 7),)) == 0
    assert counted(ledger, 7, 2, gaps=(Gap(6, 7),)) == 0
    assert counted(ledger, 8, 2, gaps=(Gap(6, 7),)) == -1


def test_each_day_begins_at_nothing() -> None:
    ledger = Ledger()
    assert counted(ledger, 5, 40) == 0
    assert counted(ledger, 6, 1, DAY + 1) == 0
    assert counted(ledger, 7, 3, DAY + 1) == 1
    assert [ledger.known(day, 8) for day in (DAY - 1, DAY, DAY + 1)] == [None, 40, 2]
    assert [ledger.known(day, 7) for day in (DAY, DAY + 1)] == [40, 1]


def test_a_topic_that_was_made_anew_is_another_log() -> None:
    ledger = Ledger()
    assert counted(ledger, 500, 7) == 0
    assert counted(ledger, 0, 1) == 0
    assert counted(ledger, 1, 3) == 1


def test_of_many_events_and_days_only_the_newest_are_kept() -> None:
    ledger = Ledger()
    for number in range(EVENTS):
        ledger.sending(float(number))
        ledger.took(number, DAY + number // 500, float(number))
    ledger.wants(0)
    assert ledger.oldest() == 50.0
    last = DAY + (EVENTS - 1) // 500
    ledger.read(Reading(EVENTS, (), {last: 50}), 0.0)
    assert (ledger.difference, ledger.known(last, EVENTS), ledger.known(last + 1, EVENTS)) == (0, 50, 0)
    assert ledger.known(last - KEPT_DAYS, EVENTS) is None


def test_delays_lie_in_their_buckets() -> None:
    bounds = metrics.CANARY_DELAY.buckets
    delays = Delays().and_those([0.1, bounds[0], bounds[0] + 0.01, bounds[-1] + 1])
    assert delays.counts == (2, 1, *[0] * (len(bounds) - 2), 1)
    assert delays.total == pytest.approx(sum([0.1, 2 * bounds[0], 0.01, bounds[-1], 1]))


def test_the_figures_are_those_of_the_list() -> None:
    path = Path(sent=3, delays=Delays().and_those([1.0]), difference=0, oldest=100.0)
    shown = {family.name: family for family in figures_of(seen(path, score=ScoreCheck("r", DAY, 0)), 107.0)}
    names = {name + ("_total" if family.type == "counter" else "") for name, family in shown.items()}
    assert names == {metric.name for metric in metrics.CANARY}
    assert shown["engagement_canary_waiting_seconds"].samples[0].value == 7.0
    assert shown["engagement_canary_counted"].samples[0].value == 1


def test_what_is_unknown_is_absent() -> None:
    text = text_of(figures_of(seen(Path()), 100.0)).decode()
    assert "engagement_canary_difference" not in text
    assert "engagement_canary_score" not in text
    assert 'waiting_seconds{partition="3",topic="engagement.actions"} 0.0' in text


def test_a_run_without_the_account_has_no_difference_but_an_as_of() -> None:
    text = text_of(figures_of(seen(Path(), score=ScoreCheck("r", DAY, None)), 100.0)).decode()
    assert "engagement_canary_score_difference" not in text
    assert "engagement_canary_score_as_of_timestamp_seconds 1.7512416e+09" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"failing": {"redis": "no answer for x"}}, "redis: no answer for x"),
        ({"rounds": 0}, "nothing was sent yet"),
        ({"paths": {SLOT: Path(oldest=30.0)}}, "engagement.actions/3: an event is not counted after 70 s"),
        ({"paths": {SLOT: Path(difference=-2)}}, "engagement.actions/3: 2 fewer than the canary sent"),
        ({"score": ScoreCheck("r", DAY, 1)}, "scores of 2025-06-30: 1 more than the canary sent"),
    ],
)
def test_what_is_not_well_is_said(changes: dict[str, object], reason: str) -> None:
    assert readiness(msgspec.structs.replace(NOTHING, **changes), 100.0).reasons == (reason,)


def test_all_is_well() -> None:
    path = Path(sent=3, difference=0, oldest=99.0)
    assert readiness(seen(path, score=ScoreCheck("r", DAY, 0)), 100.0).well
    assert waiting(path, 98.0) == 0.0


def test_it_lives_while_steps_come_to_an_end() -> None:
    assert liveliness(NOTHING, 100.0 + HUNG_SECONDS).well
    assert liveliness(NOTHING, 101.0 + HUNG_SECONDS).reasons == ("the newest step is 601 s old",)


def a_run() -> Published:
    config = settings_with().run_config
    return Published(Manifest("run", "2025-06-30", 0, 1, "c", config, {}, {}, "d"), 0)


def record(actions: int, considered: int) -> ScoreRecord:
    return score_body("canary", actions=actions, days_considered=considered).record("run", 0)


@pytest.mark.parametrize(("considered", "expected"), [(1, 100), (2, 199), (14, 14 * 100 - 91)])
def test_a_score_is_compared_over_the_days_that_it_considers(considered: int, expected: int) -> None:
    checks = [
        score_check(a_run(), DAY, record(actions, considered), lambda day: 100 - (DAY - day))
        for actions in (7, expected)
    ]
    assert checks == [ScoreCheck("run", DAY, 7 - expected), ScoreCheck("run", DAY, 0)]


def test_an_account_that_a_run_leaves_out_counts_as_nothing_there() -> None:
    assert score_check(a_run(), DAY, None, lambda _: 2) == ScoreCheck("run", DAY, -28)
    assert score_check(a_run(), DAY, None, lambda _: 0) == ScoreCheck("run", DAY, None)
