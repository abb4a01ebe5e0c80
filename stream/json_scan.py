"""JSON by RFC 8259 and nothing else, one token after another: no recursion, numbers and texts of any length.

Refused: bytes that are not UTF-8, a byte order mark, NaN and Infinity, control characters in texts, lone surrogates
anywhere, more than MAX_DEPTH levels (the object itself is the first), anything but one object.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Literal, TypeGuard

import msgspec

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


def scan_object(data: bytes, wanted: Collection[str]) -> dict[str, Value]:
    """Return the wanted top-level fields of the object in `data`; of duplicate keys the last counts.

    Raises JsonError where `data` as a whole is not such an object.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    scan = _Scan(wanted)
    for kind, token, position in _tokens(text):
        if not scan.step(kind, token):
            raise JsonError(f"expected {_EXPECTED[scan.state]} at character {position}")
    if scan.state != "end":
        raise JsonError(f"expected {_EXPECTED[scan.state]}, but the value ends there")
    return scan.fields


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
