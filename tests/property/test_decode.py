"""Any bytes decode to an event or to exactly one reject, and the fast path takes only what the exact one takes."""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.accounts import AccountEntry
from schemas.events import ActionEvent
from schemas.moments import Calendar, parse_moment
from schemas.rejects import Reject
from stream.decode import ActionColumns, decode_account, decode_actions
from stream.json_scan import JsonError, scan_object
from stream.strict import strict_account, strict_action

LIMIT = 5_000
FIELDS = ("account_id", "action", "timestamp", "user_id", "user_profile", "message_id")
MOMENT = "2026-11-01T09:30:00Z"
CALENDAR = Calendar("Europe/Berlin")

WHOLE = [
    b'{"message_id":"0","account_id":"acct-1","user_id":"u","action":"view","timestamp":"2026-11-01T00:00:00.000Z",%s'
    % b'"properties":{"q":[1,-2.5e3,"x\\u00e9\\ud83d\\ude00\xc3\xa9",null,true,{},[]]},"user_profile":null}',
    b' { "x\\n" : [ 1 , 0.0 , { } , [ ] , "" ] , "account_id" : "a", "action":"b","timestamp":"2026-11-01T09:30:00Z"}',
    b'{"account_id":"a","status":"Gold","created_at":"2024-02-29","licenses":25,"effective_at":"2025-07-01T00:00:00Z",%s'
    % b'"attributes":{"a":[1.5,"\\u0041"]},"action":"b","timestamp":"2026-11-01T09:30:00Z"}',
]
PIECES = [
    rb"\ud800",
    rb"\udc00",
    rb"\uD83D\uDE00",
    rb"\u0000",
    rb"\u0061ccount_id",
    rb"\u12",
    rb"\q",
    rb"\"",
    b"\\",
    b"\xff",
    b"\xc3",
    b"\x80",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xef\xbb\xbf",
    "é".encode(),
    b"\x00",
    b"\x1f",
    b"\x7f",
    b" ",
    b"\x0b",
    b"\n",
    *(bytes([byte]) for byte in b'"{}[]:,019-+.eE'),
    b"01",
    b"1.",
    b"1e",
    b"1e999",
    b"9" * 400,
    b"9007199254740992",
    b"true",
    b"null",
    b"NaN",
    b"-Infinity",
    b'"account_id":null,',
    b'"account_id":5,',
    b'"user_id":"",',
    b'"licenses":1.0,',
    b'"licenses":-0,',
    b'"attributes":null,',
]


def nested(levels: int) -> bytes:
    """A valid event but for its depth."""
    return WHOLE[1][:-1] + b',"d":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid value with some bytes taken out and others put in."""
    value = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(value)))
        taken = draw(st.sampled_from([0, 0, 0, 1, 2, 5]))
        put = draw(st.sampled_from(PIECES) | st.binary(max_size=2))
        value = value[:start] + put + value[start + taken :]
    return value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
texts = st.sampled_from(["a", "", "é" * 256, "é" * 257, MOMENT, "2026-02-30T00:00:00Z", "\x00", "😀"])
records = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), texts | texts | anything, max_size=8)
likely = st.builds(lambda extra: {"account_id": "a", "action": "b", "timestamp": MOMENT} | extra, records)
values = st.one_of(
    st.none(),
    st.binary(max_size=20),
    damaged(),
    st.builds(lambda record: json.dumps(record).encode(), records | likely | anything),
    st.builds(lambda record: json.dumps(record, ensure_ascii=False).encode(), likely),
    st.just(WHOLE[0] + b" " * LIMIT),
    st.integers(2, 1200).map(nested),
)


def by_the_standard_library(value: bytes) -> dict[str, object] | None:
    """The object in `value` by the standard library's parser, made as strict as ours."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        text = value.decode()
        found = json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return found if isinstance(found, dict) and not has_lone_surrogate(text) else None


def has_lone_surrogate(text: str) -> bool:
    """Whether an escape in valid JSON names half a pair: whole pairs are taken out first."""
    rest = re.sub(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}", "", text.replace("\\\\", ""))
    return re.search(r"\\u[dD][89a-fA-F]", rest) is not None


def scanned(value: bytes) -> set[str] | None:
    try:
        return set(scan_object(value, [*FIELDS, "x", "properties"]))
    except JsonError:
        return None


@settings(deadline=None, max_examples=400)
@given(damaged() | st.builds(lambda record: json.dumps(record).encode(), anything))
@example(b'{"x":"\\\\ud800"}')
@example(b'{"x":"\\ud83d\\u0041"}')
@example(b'{"\\ude00":1}')
def test_json_is_what_the_standard_library_takes_without_its_leniencies(value: bytes) -> None:
    expected = by_the_standard_library(value)

    names = None if expected is None else {*FIELDS, "x", "properties"} & set(expected)
    assert scanned(value) == names


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
