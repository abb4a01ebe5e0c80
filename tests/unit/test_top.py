"""The frame of `engagement-stream top`, as it is drawn."""

import io

import pytest
from rich.console import Console

from schemas.exits import Obstacle
from schemas.manifest import Cohort, Manifest
from store.layout import SlotName
from store.obstacles import of_log
from store.offsets import LogBounds
from store.redis_state import RedisState
from store.runs import Published
from stream.lag_status import Status, Verdict
from stream.picture import Partition, Picture, Source, Totals
from stream.top import RATE_SECONDS, Room, duration, frame, rates, recent, size
from tests.parts import settings_with

AT = 1_751_328_000.0
MANIFEST = Manifest(
    run_id="r",
    as_of="2025-06-29",
    revision=1,
    accounts=471,
    config_version="c",
    config=settings_with().run_config,
    inputs={},
    cohorts={"Gold": Cohort(400, 26)},
    digest="d",
)
OK = Verdict(Status.OK, 0, None)
STATE = RedisState(900 * 2**20, 1024 * 2**20, "noeviction", True, True, 2**20, 2**20, True, 0)  # noqa: FBT003  as INFO gives it


def partition(number: int, stored: int | None = 100, **changes: object) -> Partition:
    given: dict[str, object] = {
        "log_start": 0,
        "log_end": 100,
        "stored": stored,
        "lag": 0,
        "lag_seconds": 0.0,
        "owner": f"rdkafka/{number:08x} at 10.0.0.{number}",
        "owned": True,
        "totals": Totals(100, 0, 0, 739_432),
        "verdict": OK,
    }
    return Partition(SlotName("t.actions", number), **{**given, **changes})  # type: ignore[arg-type]


def picture(*partitions: Partition, at: float = AT, **changes: object) -> Picture:
    given: dict[str, object] = {
        "at": at,
        "took": 0.02,
        "kafka": Source("kafka", None),
        "redis": Source("redis", None),
        "partitions": partitions,
        "missing_topics": (),
        "state": STATE,
        "run": Published(MANIFEST, int(AT - 7200) * 1000),
        "run_error": None,
    }
    return Picture(**{**given, **changes})  # type: ignore[arg-type]


def drawn(*pictures: Picture, width: int = 120, height: int | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, record=True, force_terminal=True)
    console.print(frame(pictures, "t.", Room(width, height)))
    return [line.rstrip() for line in console.export_text().splitlines()]


STALLED = partition(
    7,
    stored=60,
    lag=40,
    lag_seconds=91.0,
    verdict=Verdict(Status.STALLED, 4, "the stored offset has not moved for 90 s while 40 wait"),
)
STOPPED = partition(
    9,
    stored=900,
    lag=None,
    lag_seconds=None,
    obstacle=Obstacle.PAST_END,
    verdict=Verdict(Status.STOPPED, 1, "the stored offset is past the end of the log"),
)


def test_the_worst_come_first_with_what_is_wrong() -> None:
    before = picture(partition(0, stored=0), partition(1, stored=0), at=AT - 10)
    text = drawn(before, picture(partition(0), partition(1, lag=3, lag_seconds=0.4), STALLED, STOPPED))
    assert text == [
        "t   2025-07-01 00:00:00 UTC   kafka ok   redis ok",
        "",
        "partition  status   lag   behind  events/s  newest day  owner or problem",
        "actions/9  STOPPED    -        -         -  2025-06-30  the stored offset is past the end of the log",
        "actions/7  STALLED   40  1.5 min         -  2025-06-30  the stored offset has not moved for 90 s while 40 wait",  # noqa: E501
        "actions/0  OK         0    0.0 s        10  2025-06-30  rdkafka/00000000 at 10.0.0.0",
        "actions/1  OK         3    0.4 s        10  2025-06-30  rdkafka/00000001 at 10.0.0.1",
        "",
        "stream      4 workers   20 events/s   43 wait, 1 unknown   oldest 1.5 min behind",
        "redis       900.0 MiB of 1.0 GiB (88%)",
        "newest run  2025-06-29, revision 1   471 accounts   published 2.0 h ago",
    ]


def order(*partitions: Partition) -> list[str]:
    return [line.split()[0] for line in drawn(picture(*partitions))[3 : 3 + len(partitions)]]


def late(number: int, seconds: float, status: Status = Status.OK) -> Partition:
    return partition(number, lag=1, lag_seconds=seconds, verdict=Verdict(status, 0, None))


def test_rows_keep_their_places_while_lags_change_as_they_always_do() -> None:
    calm, moved = [0.1, 0.9, 2.4, 0.0], [1.8, 0.0, 0.3, 7.9]
    for lags in (calm, moved):
        assert order(*(late(i, lag) for i, lag in enumerate(lags))) == [f"actions/{i}" for i in range(4)]
    assert order(late(1, 300), late(0, 310)) == order(late(1, 310), late(0, 300)) == ["actions/0", "actions/1"]


def test_a_lag_that_is_really_another_one_comes_first_within_its_status() -> None:
    assert order(late(0, 3), late(1, 20), late(2, 90), late(3, 1, Status.WARN)) == [
        "actions/3",
        "actions/2",
        "actions/1",
        "actions/0",
    ]


def stopped(number: int) -> Partition:
    slot = SlotName("t.actions", number)
    found = of_log(slot, 130, LogBounds(0, 100))
    return partition(
        number, lag=None, lag_seconds=None, verdict=Verdict(Status.STOPPED, 1, found.note if found else None)
    )


@pytest.mark.parametrize(("width", "height"), [(80, None), (80, 40), (120, 24), (60, 30)])
def test_a_reason_that_the_table_cuts_is_whole_below_it(width: int, height: int | None) -> None:
    text = drawn(picture(*map(partition, range(50)), stopped(50)), width=width, height=height)
    assert text[3].endswith("…")
    assert max(map(len, text)) <= width
    assert height is None or len(text) <= height
    assert f"actions/50: {stopped(50).verdict.reason}" in " ".join(line.strip() for line in text)  # type: ignore[union-attr]


def test_only_the_worst_reasons_are_said_in_full_and_a_cut_owner_is_none() -> None:
    text = drawn(picture(*map(partition, range(4)), *map(stopped, range(4, 20))), width=70)
    assert [line.split(":")[0] for line in text if line.startswith("actions/") and ": " in line] == [
        "actions/4",
        "actions/5",
        "actions/6",
    ]
    assert not any(": " in line for line in drawn(picture(*map(partition, range(4))), width=70)[1:7])


def test_reasons_leave_room_for_the_table() -> None:
    for height in range(12, 40):
        text = drawn(picture(*map(stopped, range(50))), width=80, height=height)
        assert len(text) <= height
        assert text[3].startswith("actions/0")


@pytest.mark.parametrize("width", [80, 120])
def test_a_frame_is_no_wider_than_its_terminal_and_keeps_all_columns(width: int) -> None:
    text = drawn(picture(*map(partition, range(4)), STALLED, STOPPED), width=width)
    assert max(map(len, text)) <= width
    assert "partition  status   lag   behind  events/s  newest day  owner" in text[2]
    assert text[4].startswith("actions/7  STALLED   40  1.5 min         -  2025-06-30  the stored")


def test_a_frame_is_no_higher_than_its_terminal_and_says_what_it_leaves_out() -> None:
    text = drawn(picture(*map(partition, range(100)), STALLED), height=24)
    assert len(text) <= 24
    assert text[3].startswith("actions/7   STALLED")
    assert text[-5] == "and 87 more, none of them worse"


def test_what_is_away_is_named_and_never_shown_as_zero() -> None:
    unknown = partition(0, stored=None, lag=None, lag_seconds=None, verdict=None, owner=None, totals=None)
    gone = picture(unknown, redis=Source("redis", "Redis gave no answer"), state=None, run=None)
    text = drawn(gone)
    assert text[0].endswith("kafka ok   redis no answer")
    assert text[3].split() == ["actions/0", "unknown", "-", "-", "-", "-", "-"]
    assert text[-2:] == ["redis       unknown: Redis gave no answer", "newest run  none"]


def test_a_redis_in_trouble_says_so() -> None:
    bad = RedisState(10, 0, "allkeys-lru", False, False, 0, 0, False, 1200)  # noqa: FBT003  as INFO gives it
    text = " ".join(drawn(picture(state=bad)))
    for said in ("file failed", "snapshot failed", "1,200 keys evicted", "no append-only file", "policy allkeys-lru"):
        assert said in text


def test_a_rate_is_what_was_stored_between_two_looks() -> None:
    first = picture(partition(0, stored=1000), partition(1, stored=500), partition(2, stored=None), at=AT)
    last = picture(partition(0, stored=1500), partition(1, stored=400), partition(2, stored=70), at=AT + 10)
    assert rates((first, last)) == {SlotName("t.actions", 0): 50.0}
    assert rates((last,)) == {}


def test_rates_look_back_a_few_seconds() -> None:
    pictures: tuple[Picture, ...] = ()
    for second in range(60):
        pictures = recent(pictures, picture(at=AT + second))
    assert pictures[-1].at - pictures[0].at == RATE_SECONDS


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.44, "0.4 s"), (12.3, "12 s"), (90, "1.5 min"), (7200, "2.0 h"), (2e5, "2.3 d")],
)
def test_durations_are_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(12, "12 B"), (2048, "2.0 KiB"), (3 * 2**40, "3.0 TiB")])
def test_sizes_are_in_the_unit_that_fits(count: int, text: str) -> None:
    assert size(count) == text
