"""JSON is read to what the scan without recursion makes of it, and that is what RFC 8259 says."""

import json
import re
from collections.abc import Callable, Collection

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.json_scan import MAX_DEPTH, JsonError, Value, is_too_deep, read_object, scan_object
from tests.property.json_values import FIELDS, PIECES, anything, damaged, likely, nested, records


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
    rest = re.sub(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}", "", text.replace("\\\\", "  "))
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
@example(rb'{"x":"\ud83d\\\ude00"}')
def test_json_is_what_the_standard_library_takes_without_its_leniencies(value: bytes) -> None:
    expected = by_the_standard_library(value)

    names = None if expected is None else {*FIELDS, "x", "properties"} & set(expected)
    assert scanned(value) == names


KNOWN = (*FIELDS, "x", "licenses", "attributes", "properties", "status")

escapes = st.lists(
    st.sampled_from(
        [rb"\ud83d", rb"\uDE00", rb"\uD83D\ude00", rb"\\", rb"\"", rb"\u00e9", rb"\n", b"ud83d", b"u", b"\\", b"a"]
    ),
    max_size=8,
).map(b"".join)
levels = st.integers(MAX_DEPTH - 60, MAX_DEPTH + 5)


@st.composite
def deep(draw: st.DrawFn) -> bytes:
    """An object about as deep as it may be, in steps that have brackets and quotes in their texts too."""
    opening, closing = draw(
        st.sampled_from(
            [
                (b"[", b"]"),
                (b'{"a":', b"}"),
                (b'["]]]\\"]",', b"]"),
                (b'{"\\\\":"[{","":', b"}"),
                (b'[[],{"x":[]},"\\\\",', b', "}"]'),
            ]
        )
    )
    count = draw(levels) - 1
    damage = draw(st.sampled_from([b"", b"", b'"', b"\\", b"]", b"NaN"]))
    return b'{"x":1.0,"d":' + opening * count + b"0" + closing * count + damage + b"}"


jsons = st.one_of(
    damaged(),
    st.builds(lambda record: json.dumps(record).encode(), records | likely | anything),
    st.builds(lambda text: b'{"x":"' + text + b'","' + text + b'":[{"' + text + b'":1}]}', escapes),
    st.builds(lambda first, last: b'{"x":%s,"x":%s}' % (first, last), *[st.sampled_from(PIECES)] * 2),
    deep(),
    levels.map(nested),
)


def fields(read: Callable[[bytes, Collection[str]], dict[str, Value]], value: bytes) -> dict[str, Value] | None:
    try:
        return read(value, KNOWN)
    except JsonError:
        return None


@settings(deadline=None, max_examples=1_000)
@given(jsons)
@example(b"\xef\xbb\xbf{}")
@example(b"{} {}")
@example(b"{}\x00")
@example(b'{"x":"\x00"}')
@example(b'{"x":"\x7f"}')
@example(rb'{"x":"\u0000","\u0078":-0}')
@example(b'{"x":1,"x":-0}')
@example(b'{"x":-0.0,"licenses":1.0,"status":1e2}')
@example(b'{"x":%s,"status":%s.5e9}' % (b"9" * 10_000, b"9" * 10_000))
@example(b'{"x":1e99999}')
@example(b'{"x":NaN}')
@example(b'{"x":-Infinity}')
@example(b'{"x":01}')
@example(b'{"x":"a\nb"}')
@example('{"x":\u0661}'.encode())
@example("\u00a0{}".encode())
@example(b"\x0c{}")
@example(rb'{"x":"\ud83d\\\ude00"}')
@example(rb'{"x":"\ud83d\ud83d\ude00"}')
@example(rb'{"x":"\ud83d\ude00\ude00"}')
@example(rb'{"x":"\\ud83d"}')
@example(rb'{"x":"\u+123"}')
@example(rb'{"x":"\U0041"}')
@example(nested(1023))
@example(nested(1024))
@example(nested(1025))
@example(b'{"x":[%s[]]}' % (b"[]," * 2_000))
@example(b'{"x":"%s"}' % (b"[" * 2_000))
@example(b'{"x":"%s' % (b"[" * 2_000))
@example(b"[" * 100_000)
def test_json_is_read_to_what_the_scan_without_recursion_makes_of_it(value: bytes) -> None:
    assert fields(read_object, value) == fields(scan_object, value)


@settings(deadline=None, max_examples=300)
@given(deep() | levels.map(nested))
def test_depth_is_that_of_the_scan(value: bytes) -> None:
    def has_too_many_levels() -> bool:
        try:
            scan_object(value, ())
        except JsonError as error:
            return "levels" in str(error)
        return False

    assert is_too_deep(value) == has_too_many_levels()
