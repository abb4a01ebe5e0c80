"""The lag that a worker shows is known for sure, or it is absent."""

import pytest

from stream.worker_lag import FRESH_SECONDS, Lag, Now, lag_of
from stream.worker_state import LogEnd, OldestRecord, SlotState

NOW = Now(monotonic=1_000.0, epoch=50_000.0)
JUST_NOW, TOO_LONG_AGO = NOW.monotonic - 1, NOW.monotonic - FRESH_SECONDS - 0.1


def slot(
    stored: int | None = 10,
    end: tuple[int, float] | None = (10, JUST_NOW),
    uncounted: int | None = None,
    oldest: tuple[int, int | None, float] | None = None,
) -> SlotState:
    return SlotState(
        "actions",
        0,
        owned=True,
        stored_offset=stored,
        uncounted_timestamp=uncounted,
        log_end=LogEnd(*end) if end else None,
        oldest=OldestRecord(*oldest) if oldest else None,
    )


@pytest.mark.parametrize(
    ("state", "lag"),
    [
        pytest.param(slot(), Lag(0, 0.0), id="at the end of the log"),
        pytest.param(slot(end=(9, JUST_NOW)), Lag(0, 0.0), id="past the end as it was a moment ago"),
        pytest.param(slot(stored=None), Lag(None, None), id="not loaded"),
        pytest.param(slot(end=None), Lag(None, None), id="the end of the log is not known"),
        pytest.param(slot(end=(10, TOO_LONG_AGO)), Lag(None, None), id="the end was known too long ago"),
        pytest.param(slot(end=(15, JUST_NOW)), Lag(5, None), id="records that nobody has read"),
        pytest.param(slot(end=(15, JUST_NOW), uncounted=49_993_000), Lag(5, 7.0), id="records in hand"),
        pytest.param(slot(end=None, uncounted=49_993_000), Lag(None, 7.0), id="records in hand, the end unknown"),
        pytest.param(slot(end=(10, TOO_LONG_AGO), uncounted=49_993_000), Lag(None, 7.0), id="as before, the end old"),
        pytest.param(slot(uncounted=50_002_000), Lag(0, 0.0), id="a broker whose clock is ahead"),
        pytest.param(slot(end=(15, JUST_NOW), oldest=(10, 49_991_500, JUST_NOW)), Lag(5, 8.5), id="read from the log"),
        pytest.param(slot(end=(15, JUST_NOW), oldest=(10, None, JUST_NOW)), Lag(5, 0.0), id="markers only"),
        pytest.param(slot(end=(15, JUST_NOW), oldest=(9, 1, JUST_NOW)), Lag(5, None), id="read for another offset"),
        pytest.param(slot(end=(15, JUST_NOW), oldest=(10, 1, TOO_LONG_AGO)), Lag(5, None), id="read too long ago"),
    ],
)
def test_lag(state: SlotState, lag: Lag) -> None:
    assert lag_of(state, NOW) == lag
