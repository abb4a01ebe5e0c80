"""Any bytes decode to an event or to exactly one reject, and the fast path takes only what the exact one takes."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.accounts import AccountEntry
from schemas.events import ActionEvent
from schemas.moments import Calendar, parse_moment
from schemas.rejects import Reject
from stream.decode import ActionColumns, decode_account, decode_actions
from stream.strict import strict_account, strict_action
from tests.property.json_values import LIMIT, WHOLE, anything, damaged, likely, nested, records

CALENDAR = Calendar("Europe/Berlin")

values = st.one_of(
    st.none(),
    st.binary(max_size=20),
    damaged(),
    st.builds(lambda record: json.dumps(record).encode(), records | likely | anything),
    st.builds(lambda record: json.dumps(record, ensure_ascii=False).encode(), likely),
    st.just(WHOLE[0] + b" " * LIMIT),
    st.integers(2, 1200).map(nested),
)


def rows(columns: ActionColumns) -> dict[int, object]:
    """What became of each position: a Reject, or the cells of its row."""
    cells = zip(
        columns.accounts, columns.actions, columns.users, columns.profiles, columns.moments.tolist(), strict=True
    )
    return dict(zip(columns.index.tolist(), cells, strict=True)) | dict(columns.rejects)


def strict_row(value: bytes | None) -> object:
    decoded = strict_action(value, LIMIT)
    if isinstance(decoded, Reject):
        return decoded
    moment = parse_moment(decoded.timestamp)
    return (decoded.account_id, decoded.action, decoded.user_id, decoded.user_profile, moment)


@settings(deadline=None, max_examples=400)
@given(st.lists(values, max_size=8))
@example([WHOLE[1].replace(b'""', b'"\xff"')])
@example([WHOLE[1], b"", None, WHOLE[1][:-1], WHOLE[1]])
@example([nested(1024), nested(1025)])
@example([WHOLE[1].replace(b"2026-11", b"2026-13"), WHOLE[1]])
def test_a_batch_decodes_to_what_the_exact_path_makes_of_each_value(batch: list[bytes | None]) -> None:
    decoded = rows(decode_actions(batch, LIMIT))

    assert decoded == dict(enumerate(map(strict_row, batch)))


@settings(deadline=None, max_examples=100)
@given(values)
def test_a_value_is_an_event_or_exactly_one_reject(value: bytes | None) -> None:
    columns = decode_actions([value], LIMIT)

    assert len(columns.index) + len(columns.rejects) == 1
    assert isinstance(strict_action(value, LIMIT), ActionEvent) == (len(columns.index) == 1)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from([b"a", b"acct-1", None, b"\xff", b""]), values)
@example(b"a", WHOLE[2].replace(b"25", b"1e2"))
@example(b"a", WHOLE[2].replace(b"25", b"9007199254740991"))
def test_an_account_record_decodes_to_what_the_exact_path_makes_of_it(key: bytes | None, value: bytes | None) -> None:
    decoded = decode_account(key, value, offset=1, timestamp=2, max_record_bytes=LIMIT, calendar=CALENDAR)

    assert isinstance(decoded, AccountEntry | Reject)
    assert decoded == strict_account(key, value, offset=1, timestamp=2, max_record_bytes=LIMIT, calendar=CALENDAR)


def test_a_value_that_is_refused_costs_its_batch_nothing() -> None:
    batch: list[bytes | None] = [WHOLE[1]] * 5_000
    batch[2_500] = b"{"

    columns = decode_actions(batch, LIMIT)

    assert [position for position, _ in columns.rejects] == [2_500]
    assert columns.index.tolist() == [i for i in range(5_000) if i != 2_500]
