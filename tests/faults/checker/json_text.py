"""JSON by RFC 8259, decided with the standard library's parser and what it has to be told beside that."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

DEEPEST = 1024
ROOM = 20_000
"""Frames that the parser may take: more than one for each level, on top of what the caller took."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(Exception):  # noqa: N818  a decision, not a failure
    """Bytes that are not one JSON object."""


class Number(str):
    """The literal of a number; what it says is never computed."""

    __slots__ = ()


class Object(list[tuple[str, object]]):
    """The members of an object, also those of the same name."""

    __slots__ = ()


def members(value: bytes) -> dict[str, object]:
    """The members of the object in ``value``, of those of the same name the last. Raises ``NotJson``."""
    try:
        text = value.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise NotJson from None
    if too_deep(text):
        raise NotJson
    with room_for_depth():
        try:
            found = _PARSER.decode(text)
        except json.JSONDecodeError:
            raise NotJson from None
    if not isinstance(found, Object) or any(map(_SURROGATE.search, _texts(found))):
        raise NotJson
    return dict(found)


def too_deep(text: str) -> bool:
    """Whether more than ``DEEPEST`` arrays and objects are open at once, outside of strings."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for mark in re.findall(r"[\[\]{}]", _STRINGS.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _texts(found: object) -> Iterator[str]:
    """All strings and names, at any level."""
    left = [found]
    while left:
        part = left.pop()
        if isinstance(part, Object):
            yield from (name for name, _ in part)
            left += [value for _, value in part]
        elif isinstance(part, list):
            left += part
        elif isinstance(part, str):
            yield part


def _no_constant(_: str) -> Never:
    raise NotJson


@contextmanager
def room_for_depth() -> Iterator[None]:
    """As many levels as the product takes, wherever the caller stands: before Python 3.12 its own frames count too."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + ROOM)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_PARSER = json.JSONDecoder(
    object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=_no_constant, strict=True
)
