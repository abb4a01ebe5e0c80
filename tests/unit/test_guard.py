"""A slot goes on only from where its header still belongs to the log; everything else is a person's decision."""

from typing import Any

import msgspec
import pytest

from schemas.exits import Blocked, ConfigurationError, EngagementError
from store import layout
from store.layout import LAYOUT_VERSION, Header, SlotName
from store.offsets import LogBounds
from store.redo import decode_redo, encode_redo
from stream.guard import BeyondLogEnd, Surroundings, check_header, new_header

SLOT = SlotName("engagement.actions", 3)
HEADER = Header(timezone="UTC", topic_id="one", next_offset=50, first_offset=10)
AROUND = Surroundings("one", LogBounds(10, 100))


def refused(around: Surroundings = AROUND, timezone: str = "UTC", **changed: Any) -> EngagementError:  # noqa: ANN401
    with pytest.raises(EngagementError) as caught:
        check_header(SLOT, msgspec.structs.replace(HEADER, **changed), around, timezone)
    assert "\n" not in str(caught.value)
    assert "engagement.actions/3" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("next_offset", [10, 50, 100])
def test_a_header_within_its_log_goes_on(next_offset: int) -> None:
    check_header(SLOT, msgspec.structs.replace(HEADER, next_offset=next_offset), AROUND, "UTC")


def test_records_that_were_deleted_before_they_were_counted_block() -> None:
    error = refused(next_offset=9)

    assert isinstance(error, Blocked)
    assert "1 offsets were deleted" in str(error)


@pytest.mark.parametrize(
    ("around", "changed"),
    [
        (AROUND, {"next_offset": 9}),
        (AROUND, {"next_offset": 101}),
        (msgspec.structs.replace(AROUND, truncated=True), {}),
    ],
    ids=["before the start", "past the end", "replaced"],
)
def test_where_the_log_lost_records_the_way_that_keeps_the_figures_comes_first(
    around: Surroundings, changed: dict[str, Any]
) -> None:
    said = str(refused(around, **changed))
    assert "`engagement-stream rebuild --topic actions --partition 3`" in said
    assert "`engagement-stream accept-gap --topic actions --partition 3`" in said
    assert said.index("accept-gap") < said.index("rebuild")


def test_an_offset_beyond_the_log_is_told_apart_as_a_broker_may_lag_for_a_moment() -> None:
    assert isinstance(refused(next_offset=101), BeyondLogEnd)


def test_a_topic_made_anew_blocks() -> None:
    error = refused(Surroundings("two", LogBounds(10, 100)))

    assert isinstance(error, Blocked)
    assert "id one, now two" in str(error)


def test_another_timezone_is_a_configuration_error() -> None:
    error = refused(timezone="Europe/Berlin")

    assert isinstance(error, ConfigurationError)
    assert "Europe/Berlin" in str(error)


def test_another_layout_blocks_before_anything_else_is_read_from_it() -> None:
    error = refused(timezone="Europe/Berlin", layout=LAYOUT_VERSION + 1)

    assert isinstance(error, Blocked)
    assert f"layout {LAYOUT_VERSION + 1}" in str(error)


def test_a_slot_that_was_never_counted_starts_at_the_beginning_of_its_log() -> None:
    header = new_header(SLOT, AROUND, "UTC")

    assert (header.next_offset, header.first_offset, header.topic_id, header.lengths) == (10, 10, "one", {})


def test_a_new_slot_names_its_layout_in_every_version_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LAYOUT_VERSION", 2)

    encoded = encode_redo(bytes(16), new_header(SLOT, AROUND, "UTC"), [], None).encoded

    monkeypatch.undo()
    assert decode_redo(encoded).header.layout == 2


@pytest.mark.parametrize("traces", [{"committed": 0}, {"committed": 7}, {"published": 7}, {"published": 10}])
def test_a_missing_slot_with_traces_of_counting_blocks(traces: dict[str, int]) -> None:
    around = msgspec.structs.replace(AROUND, **traces)

    with pytest.raises(Blocked, match=r"Redis has no slot.*rebuild --topic actions --partition 3"):
        new_header(SLOT, around, "UTC")


def test_a_published_run_that_saw_nothing_of_a_partition_is_no_trace() -> None:
    assert new_header(SLOT, msgspec.structs.replace(AROUND, published=0), "UTC").next_offset == 10


def test_an_accounts_slot_is_rebuilt_as_such() -> None:
    with pytest.raises(Blocked, match="--topic accounts --partition 0"):
        new_header(SlotName("engagement.accounts", 0), msgspec.structs.replace(AROUND, committed=1), "UTC")
