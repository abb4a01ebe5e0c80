"""The profile of a user is the one that the newest record told, by (record timestamp, offset)."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.cells import DenseIds, collect_writes
from stream.profiles import Profiles

told = st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(-1, 3))
"""(user, profile, timestamp); offsets rise."""


def note(profiles: Profiles, records: list[tuple[int, int, str, int]]) -> None:
    offsets, users, names, timestamps = zip(*records, strict=True)
    profiles.note(np.array(users), names, np.array(timestamps), np.array(offsets))


@settings(deadline=None)
@given(st.lists(st.lists(told, min_size=1, max_size=6), max_size=6), st.booleans())
def test_the_newest_record_wins_in_any_batches_and_after_a_reload(
    batches: list[list[tuple[int, str, int]]],
    reload: bool,  # noqa: FBT001  hypothesis gives it
) -> None:
    table = DenseIds[str]()
    profiles, stored, offset = Profiles(table, b""), bytearray(), 0
    newest: dict[int, tuple[int, int, str]] = {}
    for batch in batches:
        records = [(offset + at, *record) for at, record in enumerate(batch)]
        offset += len(batch)
        note(profiles, records)
        for at, user, name, timestamp in records:
            newest[user] = max(newest.get(user, (-2, 0, "")), (timestamp, at, name))
        for write in collect_writes([profiles.cells], 100):
            stored.extend(bytes(max(0, write.position - len(stored))))
            stored[write.position : write.position + len(write.data)] = write.data
        profiles = Profiles(table, stored) if reload else profiles
    names, held = list(table), profiles.cells.array["profile"].tolist()
    assert {user: names[cell - 1] for user, cell in enumerate(held) if cell} == {
        user: name for user, (_, _, name) in newest.items()
    }


def test_an_older_record_costs_no_write() -> None:
    profiles = Profiles(DenseIds(), b"")
    note(profiles, [(5, 1, "a", 100)])
    collect_writes([profiles.cells], 10)
    note(profiles, [(6, 1, "b", 99)])

    assert profiles.cells.clean
