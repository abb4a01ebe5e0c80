"""The record in force against a plain reading: sort everything into topic order, then walk through it."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.accounts import AccountEntry
from store.account_records import AccountsPart, records_in_force
from store.layout import SlotName

TOPIC = "t.accounts"
BEFORE = 1_000

steps = st.lists(
    st.tuples(
        st.integers(0, 2),  # partition
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 2),  # timestamp passed since the record before
        st.one_of(st.just("null"), st.none(), st.sampled_from([-5, 0, 998, 999, 1_000, 2_000])),  # effective_at
    ),
    max_size=30,
)


def parts_of(log: list[tuple[int, str, int, str | int | None]]) -> list[AccountsPart]:
    parts = [AccountsPart(SlotName(TOPIC, partition), []) for partition in range(3)]
    now = 0
    for partition, account, passed, effective in log:
        now += passed
        entries = parts[partition].entries
        forgotten = effective == "null"
        since = effective if isinstance(effective, int) else None
        entries.append(
            AccountEntry(len(entries) * 2, now, account, forgotten, since, status=f"{partition}/{len(entries)}")
        )
    return parts


def plainly(parts: list[AccountsPart], account: str) -> tuple[AccountEntry | None, bool]:
    """(record in force, stands forgotten) of one account."""
    placed = [(e.timestamp, part.slot.partition, e.offset, e) for part in parts for e in part.entries]
    log = [row[3] for row in sorted(placed, key=lambda row: row[:3]) if row[3].account_id == account]
    if not log:
        return None, False
    nulls = [position for position, entry in enumerate(log) if entry.forgotten]
    kept = log[nulls[-1] + 1 :] if nulls else log
    begun = [e for e in kept if e.effective_at is None or e.effective_at < BEFORE]
    newest = max((-(10**9) if e.effective_at is None else e.effective_at for e in begun), default=None)
    ties = [e for e in begun if (-(10**9) if e.effective_at is None else e.effective_at) == newest]
    return (ties[-1] if ties else None), log[-1].forgotten


@given(steps)
def test_the_record_in_force_is_the_one_that_a_plain_reading_finds(
    log: list[tuple[int, str, int, str | int | None]],
) -> None:
    parts = parts_of(log)
    found = records_in_force(parts, BEFORE)
    for account in "abc":
        expected, forgotten = plainly(parts, account)
        assert found.in_force.get(account) == expected
        assert (account in found.forgotten) is forgotten


@given(steps, st.permutations([0, 1, 2]))
def test_the_order_in_which_slots_are_read_does_not_matter(
    log: list[tuple[int, str, int, str | int | None]], order: list[int]
) -> None:
    parts = parts_of(log)
    assert records_in_force([parts[i] for i in order], BEFORE) == records_in_force(parts, BEFORE)
