"""Minutes are distinct pairs of user and epoch minute, however often and in however many batches they are logged."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from store import layout, tables
from store.layout import minute_log
from store.tables import distinct_users
from stream.minutes import MinuteLogs, minutes_by_account

DAY = 739_000
pairs = st.tuples(st.integers(0, 4), st.integers(-3, 3))
"""(user, epoch minute): before 1970 there are minutes too."""


def note(logs: MinuteLogs, day: int, *pairs: tuple[int, int]) -> None:
    users, minutes = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    logs.note(day, users, minutes)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([DAY, DAY + 1]), st.lists(pairs, max_size=6), st.booleans()), max_size=6))
def test_a_closed_log_has_every_pair_once_even_if_parts_were_stored_and_reloaded(
    batches: list[tuple[int, list[tuple[int, int]], bool]],
) -> None:
    logs = MinuteLogs({})
    stored: dict[int, bytes] = {DAY: b"", DAY + 1: b""}
    expected: dict[int, set[tuple[int, int]]] = {DAY: set(), DAY + 1: set()}
    for day, batch, reload in batches:
        note(logs, day, *batch)
        expected[day] |= set(batch)
        if reload:
            for write in logs.take_writes():
                stored[layout.day_of(write.string) or 0] += write.data
            logs = MinuteLogs({minute_log(day): len(log) for day, log in stored.items() if log})
    for day, log in stored.items():
        whole = log + (logs.close(day) if day in logs.logs else b"")
        users = sorted(user for user, _ in expected[day])
        assert sorted(distinct_users(whole).tolist()) == users


def test_a_minute_that_a_user_repeats_is_logged_once() -> None:
    logs = MinuteLogs({})
    note(logs, DAY, (1, 7))
    note(logs, DAY, (1, 7), (1, 7))

    (write,) = logs.take_writes()

    assert tables.pairs(write.data).tolist() == [[1, 7]]


def test_a_minute_on_both_sides_of_midnight_belongs_to_both_days() -> None:
    logs = MinuteLogs({})
    note(logs, DAY, (1, 7))
    note(logs, DAY + 1, (1, 7))

    assert {write.string for write in logs.take_writes()} == {minute_log(DAY), minute_log(DAY + 1)}


def test_a_log_goes_on_where_its_stored_part_ends() -> None:
    logs = MinuteLogs({minute_log(DAY): 16, layout.count(DAY): 4, layout.ACCOUNTS: 9})
    note(logs, DAY, (2, 7))

    (write,) = logs.take_writes()

    assert (write.string, write.position) == (minute_log(DAY), 16)
    assert list(logs.logs) == [DAY]


def test_the_minutes_of_a_day_are_added_up_by_account() -> None:
    cells = minutes_by_account(DAY, np.array([3, 0, 3, 3]))

    assert cells.string == layout.minutes(DAY)
    assert cells.array[:4].tolist() == [1, 0, 0, 3]
    assert cells.length == 16
    assert not cells.clean
