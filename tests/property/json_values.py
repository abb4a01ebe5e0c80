"""Values as producers might send them: records of both topics, damaged ones, deep ones, and any JSON."""

from hypothesis import strategies as st

LIMIT = 5_000
FIELDS = ("account_id", "action", "timestamp", "user_id", "user_profile", "message_id")
MOMENT = "2026-11-01T09:30:00Z"

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
