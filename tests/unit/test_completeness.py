import pytest

from jobs.completeness import POLL_SECONDS, behind, wait_until_complete
from schemas.exits import IncompleteInput
from store.layout import SlotName
from store.offsets import LogBounds

A0, A1 = SlotName("t.actions", 0), SlotName("t.actions", 1)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait(bounds: dict[SlotName, LogBounds], answers: list[dict[SlotName, int]], seconds: float) -> list[str]:
    """Waits with `answers` as what Redis says from look to look (the last one stays); returns the progress shown."""
    clock, shown = Clock(), list[str]()
    wait_until_complete(
        bounds,
        lambda _: answers.pop(0) if len(answers) > 1 else answers[0],
        seconds,
        clock=clock,
        sleep=clock.sleep,
        progress=shown.append,
    )
    return shown


@pytest.mark.parametrize(
    ("start", "end", "stored", "reached"),
    [
        (0, 0, None, True),  # nothing was ever written
        (7, 7, None, True),  # all of it was deleted before anybody counted: there is nothing to wait for
        (0, 5, None, False),
        (0, 5, 4, False),
        (0, 5, 5, True),
        (0, 5, 9, True),  # more was counted since the job started
        (7, 7, 3, False),  # records 3 to 6 were deleted uncounted: a loss must not pass for an end
        (7, 7, 7, True),
    ],
)
def test_a_slot_is_complete_once_it_stands_at_the_end_of_its_log(
    start: int, end: int, stored: int | None, *, reached: bool
) -> None:
    late = behind({A0: LogBounds(start, end)}, {} if stored is None else {A0: stored})
    assert (not late) is reached


def test_nothing_is_waited_for_when_all_is_there() -> None:
    assert wait({A0: LogBounds(0, 5)}, [{A0: 5}], 600) == []


def test_the_wait_ends_as_soon_as_the_last_slot_arrives() -> None:
    bounds = {A0: LogBounds(0, 5), A1: LogBounds(0, 3_000)}
    shown = wait(bounds, [{A0: 5}, {A1: 1_000}, {A1: 3_000}], 600)
    assert shown == [
        "waiting: 3,000 records to count, partitions behind: 1",
        "waiting: 2,000 records to count, partitions behind: 1",
    ]


def test_an_incomplete_input_names_the_partition_its_offset_and_the_end() -> None:
    with pytest.raises(IncompleteInput, match=r"t\.actions/1: stored offset 17, end of the log 20") as caught:
        wait({A0: LogBounds(0, 5), A1: LogBounds(0, 20)}, [{A0: 5, A1: 17}], 1)
    assert caught.value.exit == 3
    assert "\n" not in str(caught.value)


def test_an_incomplete_input_says_when_nothing_is_stored_and_how_many_others_wait() -> None:
    with pytest.raises(
        IncompleteInput, match=r"t\.actions/0: nothing is stored, end of the log 5 \(more partitions behind: 1\)"
    ):
        wait({A0: LogBounds(0, 5), A1: LogBounds(0, 20)}, [{}], 0)


def test_the_wait_is_bounded_by_wait_seconds() -> None:
    looks: list[list[SlotName]] = []
    clock = Clock()

    def look(wanted: list[SlotName]) -> dict[SlotName, int]:
        looks.append(wanted)
        return {}

    with pytest.raises(IncompleteInput):
        wait_until_complete({A0: LogBounds(0, 5)}, look, 2.0, clock=clock, sleep=clock.sleep, progress=lambda _: None)
    assert clock.now == pytest.approx(102.0)
    assert len(looks) == pytest.approx(2.0 / POLL_SECONDS + 1, abs=1)
