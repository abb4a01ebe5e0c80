"""JSON by RFC 8259 and nothing else: numbers and texts of any length, and up to MAX_DEPTH levels on any Python.

`read_object` asks the standard library's parser, which is C but recurses; `scan_object` goes one token after another in
Python, without recursion. They take the same, and only what they say of what they refuse is worded differently.

Refused: bytes that are not UTF-8, a byte order mark, NaN and Infinity, control characters in texts, lone surrogates
anywhere, more than MAX_DEPTH levels (the object itself is the first), anything but one object.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Literal, Never, TypeGuard

import msgspec
import numpy as np

MAX_DEPTH = 1024

Kind = Literal["text", "number", "bool", "null", "object", "array"]
State = Literal["top", "first key", "key", "colon", "value", "first value", "after object", "after array", "end"]

_TOKEN = re.compile(
    r"""[ \t\n\r]*+
      (?: (?P<mark>[{}\[\],:])
      | "(?P<text>[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+)"
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)
      | (?P<bool>true|false)
      | (?P<null>null)
      | (?P<end>\Z))""",
    re.VERBOSE,
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE_ESCAPE = re.compile(
    r"""\\u[dD](?: [89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])
                | (?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F])""",
    re.VERBOSE,
)
"""Half a pair, in valid JSON that has no escaped backslash."""

_DEPTH_MARKS = b'"[{]}'
_OTHER_BYTES = bytes(set(range(256)) - set(_DEPTH_MARKS))
_STEPS = bytes.maketrans(_DEPTH_MARKS, bytes([0, 1, 1, 255, 255]))
"""Signed: a level more for what opens one, a level less for what closes it, 0 for a quote."""

_EXPECTED: dict[State, str] = {
    "top": "an object",
    "first key": 'a key or "}"',
    "key": "a key",
    "colon": '":"',
    "value": "a value",
    "first value": 'a value or "]"',
    "after object": '"," or "}"',
    "after array": '"," or "]"',
    "end": "nothing more",
}
_MARKS: dict[tuple[State, str], State] = {
    ("colon", ":"): "value",
    ("after object", ","): "key",
    ("after array", ","): "value",
}
"""Marks that only lead on, by the state in which they may stand."""

_CLOSING = {("first key", "}"), ("after object", "}"), ("first value", "]"), ("after array", "]")}
_OPENING = {("top", "{"), ("value", "{"), ("value", "["), ("first value", "{"), ("first value", "[")}


class JsonError(ValueError):
    """The bytes are not one JSON object; the message says where and why."""


class Value(msgspec.Struct, frozen=True):
    """The value of a top-level field: its kind and, for a text what it says, for other scalars the literal."""

    kind: Kind
    text: str


def read_object(data: bytes, wanted: Collection[str]) -> dict[str, Value]:
    """Return the wanted top-level fields of the object in `data`; of duplicate keys the last counts.

    Raises JsonError where `data` as a whole is not such an object.
    """
    text = _decoded(data)
    if is_too_deep(data):
        raise JsonError(f"more than {MAX_DEPTH:,} levels deep")
    try:
        found = _parser.decode(text)
    except RecursionError:  # how many levels the parser takes is up to the Python at hand
        return scan_object(data, wanted)
    except json.JSONDecodeError as error:
        complaint = error.msg.rstrip(": ").removesuffix(" at")
        raise JsonError(f"{complaint[:1].lower()}{complaint[1:]} at character {error.pos}") from None
    if not isinstance(found, dict):
        raise JsonError(f"expected {_EXPECTED['top']}, not another value")
    if _has_lone_surrogate(text):
        raise JsonError("lone surrogate in a text")
    return {name: _value(found[name]) for name in wanted if name in found}


def is_too_deep(data: bytes) -> bool:
    """Whether JSON has more than MAX_DEPTH levels; of what is no JSON, whether it has up to where it ceases to be."""
    if len(data) <= MAX_DEPTH or data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    if b"\\" in data:
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = np.frombuffer(data.translate(None, _OTHER_BYTES), np.uint8)
    steps = np.frombuffer(marks.tobytes().translate(_STEPS), np.int8)
    in_text = np.cumsum(marks == ord('"')) % 2 == 1
    return int(np.cumsum(np.where(in_text, 0, steps)).max()) > MAX_DEPTH


def scan_object(data: bytes, wanted: Collection[str]) -> dict[str, Value]:
    """As `read_object`, for any depth of the stack, and slow: about a second per MB."""
    text = _decoded(data)
    scan = _Scan(wanted)
    for kind, token, position in _tokens(text):
        if not scan.step(kind, token):
            raise JsonError(f"expected {_EXPECTED[scan.state]} at character {position}")
    if scan.state != "end":
        raise JsonError(f"expected {_EXPECTED[scan.state]}, but the value ends there")
    return scan.fields


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None


def _no_constant(name: str) -> Never:
    raise JsonError(f"{name} is no JSON")


_parser = json.JSONDecoder(parse_int=str.encode, parse_float=str.encode, parse_constant=_no_constant)
"""Numbers come out as the bytes of their literal: what they say is never computed, and no text is bytes."""


def _has_lone_surrogate(text: str) -> bool:
    """Whether an escape in valid JSON names half a pair."""
    if "\\ud" not in text and "\\uD" not in text:
        return False
    # Something must stand for an escaped backslash, or the halves on both sides of it would become a pair.
    return _LONE_ESCAPE.search(text.replace(r"\\", "  ")) is not None


def _value(found: object) -> Value:
    match found:
        case str():
            return Value("text", found)
        case bytes():
            return Value("number", found.decode())
        case bool():
            return Value("bool", "true" if found else "false")
        case None:
            return Value("null", "null")
        case dict():
            return Value("object", "")
        case _:
            return Value("array", "")


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (kind or mark, token, position) of each token; texts come unescaped."""
    position = 0
    while match := _TOKEN.match(text, position):
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "end":
            return
        if kind == "text" and "\\" in token:
            token = _unescaped(token, match.start(kind))
        yield (token if kind == "mark" else kind), token, match.start(kind)
        position = match.end()
    raise JsonError(f"no JSON from character {position} on")


def _unescaped(literal: str, position: int) -> str:
    text: str = json.loads(f'"{literal}"')
    if _LONE_SURROGATE.search(text):
        raise JsonError(f"lone surrogate in the text at character {position}")
    return text


def _is_scalar(kind: str) -> TypeGuard[Kind]:
    return kind in ("text", "number", "bool", "null")


class _Scan:
    """Where in the grammar a scan stands: its state, and a stack of the open objects and arrays."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.state: State = "top"
        self.fields: dict[str, Value] = {}
        self._stack: list[str] = []
        self._wanted = wanted
        self._key = ""

    def step(self, kind: str, token: str) -> bool:
        """Take one token; return False where it may not stand here."""
        place = (self.state, kind)
        if place in _MARKS:
            self.state = _MARKS[place]
        elif place in _OPENING:
            self._open(kind)
        elif place in _CLOSING:
            self._stack.pop()
            self._end_value()
        elif kind == "text" and self.state in ("key", "first key"):
            self.state = "colon"
            self._key = token if len(self._stack) == 1 else self._key
        elif _is_scalar(kind) and self.state in ("value", "first value"):
            self._keep(kind, token)
            self._end_value()
        else:
            return False
        return True

    def _open(self, mark: str) -> None:
        self._keep("object" if mark == "{" else "array", "")
        self._stack.append(mark)
        if len(self._stack) > MAX_DEPTH:
            raise JsonError(f"more than {MAX_DEPTH:,} levels deep")
        self.state = "first key" if mark == "{" else "first value"

    def _keep(self, kind: Kind, token: str) -> None:
        if len(self._stack) == 1 and self._key in self._wanted:
            self.fields[self._key] = Value(kind, token)

    def _end_value(self) -> None:
        if self._stack:
            self.state = "after object" if self._stack[-1] == "{" else "after array"
        else:
            self.state = "end"
