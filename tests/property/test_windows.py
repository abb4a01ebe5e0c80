"""The whole way from slots to score records against the plain reading that the acceptance tests use."""

import datetime as dt
import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jobs.days import COUNT_DAYS, Window
from jobs.inputs import ActionsPart, Inputs
from schemas.scores import encode
from tests.acceptance.engine import known
from tests.acceptance.plain_scores import expected_scores
from tests.parts import actions_part, figures_for

AS_OF = dt.date(2025, 6, 30)

events = st.lists(
    st.tuples(
        st.integers(0, 2),  # partition
        st.sampled_from(["a", "b", "c", "ü"]),
        st.sampled_from(["view", "edit"]),
        st.integers(-2, 40),  # days before as_of
        st.integers(1, 30),  # times
    ),
    max_size=40,
)
Event = tuple[int, str, str, int, int]


def slot(partition: int, log: list[Event]) -> ActionsPart:
    """A slot as the stream counts it, with one vector per day that is as long as the series were on that day."""
    accounts: dict[str, int] = {}
    series: dict[tuple[str, str], int] = {}
    first: dict[str, int] = {}
    counts: dict[int, Counter[int]] = {}
    for _, account, action, ago, times in log:
        day = AS_OF.toordinal() - ago
        accounts.setdefault(account, len(accounts))
        place = series.setdefault((account, action), len(series))
        first[account] = min(day, first.get(account, day))
        counts.setdefault(day, Counter())[place] += times
    return actions_part(
        list(accounts),
        [first[name] for name in accounts],
        {
            day: [of_day[i] for i in range(len(series))]
            for day, of_day in counts.items()
            if day in Window(AS_OF.toordinal(), COUNT_DAYS).days
        },
        series=[accounts[account] for account, _ in series],
        partition=partition,
    )


@given(events)
def test_scores_are_those_of_a_plain_reading_however_events_are_spread(log: list[Event]) -> None:
    parts = [slot(partition, [event for event in log if event[0] == partition]) for partition in range(3)]
    inputs = Inputs(parts)
    found = figures_for(inputs, AS_OF.toordinal())
    plain = [
        {"account_id": account, "timestamp": f"{AS_OF - dt.timedelta(days=ago)}T12:00:00Z"}
        for _, account, _, ago, times in log
        for _ in range(times)
    ]
    assert known(map(json.loads, map(encode, found.bodies()))) == expected_scores(plain, [], AS_OF)
