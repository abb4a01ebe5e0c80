"""Bytes that were a record once: a value of the corpus with bytes, tokens and whole members changed."""

import re
from collections.abc import Callable, Sequence
from random import Random

from tests.property.json_values import PIECES

MOST_BYTES = 6_000
"""A mutant may be a little larger than the limit of the fuzz, and not much: size alone finds nothing more."""

TOKENS: tuple[bytes, ...] = (
    *PIECES,
    b'"timestamp":"0000-01-01T00:00:00Z",',
    b'"timestamp":"99999-01-01T00:00:00Z",',
    b'"timestamp":"2026-11-01T09:30:00",',
    b'"timestamp":"2026-02-29T23:59:60+14:00",',
    b'"timestamp":1e400,',
    b'"effective_at":"2025-07-01",',
    b'"created_at":"2024-02-30",',
    b'"status":"",',
    b'"account_id":"a",',
    b'{"a":',
    b"[[",
    b"]]",
    b"-0",
    b"1E+",
    b"-",
    b"\\u002d",
    b"\xf4\x90\x80\x80",
    b"\xc2\xa0",
    "\u2028".encode(),
    "\uff11".encode(),
)
_DIGITS = re.compile(rb"[0-9]+")
_TEXT = re.compile(rb'"[^"\\]*"')
_NUMBERS = (b"", b"0", b"00", b"13", b"24", b"29", b"31", b"60", b"99", b"256", b"9" * 20, b"9" * 400)

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutant(random: Random, value: bytes, corpus: Sequence[bytes]) -> bytes:
    """``value`` after one to five changes, of which one may put in a part of another value of the corpus."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        value = random.choice(MUTATIONS)(random, value, corpus)
    return value[: MOST_BYTES + random.randrange(2)]


def _span(random: Random, value: bytes, longest: int = 40) -> tuple[int, int]:
    start = random.randrange(len(value) + 1)
    return start, min(len(value), start + random.randrange(1, longest))


def _flip(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    if not value:
        return b"\x80"
    at = random.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << random.randrange(8)]) + value[at + 1 :]


def _put(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    at = random.randrange(len(value) + 1)
    return value[:at] + random.choice(TOKENS) + value[at + random.choice((0, 0, 1, 2)) :]


def _byte(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    at = random.randrange(len(value) + 1)
    return value[:at] + random.randbytes(random.randrange(1, 3)) + value[at + random.randrange(2) :]


def _drop(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(random, value)
    return value[:start] + value[end:]


def _repeat(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(random, value)
    return value[:end] + value[start:end] * random.choice((1, 1, 2, 30)) + value[end:]


def _deepen(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    opening, closing = random.choice(((b"[", b"]"), (b'{"":', b"}"), (b'["]",', b"]")))
    levels = random.choice((1, 2, 100, 1_021, 1_022, 1_023, 1_024))
    at = value.rfind(b"}")
    member = b',"d":' + opening * levels + b"0" + closing * (levels - random.choice((0, 0, 0, 1)))
    return value[:at] + member + value[at:]


def _cut(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    return value[: random.randrange(len(value) + 1)]


def _splice(random: Random, value: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    start, end = _span(random, other, 200)
    at = random.randrange(len(value) + 1)
    return value[:at] + other[start:end] + value[at + random.choice((0, end - start)) :]


def _number(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    found = list(_DIGITS.finditer(value))
    if not found:
        return value
    one = random.choice(found)
    return value[: one.start()] + random.choice(_NUMBERS) + value[one.end() :]


def _escape(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    if not value:
        return value
    at = random.randrange(len(value))
    form = random.choice((b"\\u%04x", b"\\u%04X", b"\\u%03x", b"\\%c"))
    return value[:at] + form % value[at] + value[at + 1 :]


def _exchange(random: Random, value: bytes, _: Sequence[bytes]) -> bytes:
    """Two texts change places: a key becomes a value, a timestamp an account."""
    found = list(_TEXT.finditer(value))
    if len(found) < 2:
        return value
    first, second = sorted(random.sample(found, 2), key=lambda one: one.start())
    return value[: first.start()] + second[0] + value[first.end() : second.start()] + first[0] + value[second.end() :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _put,
    _put,
    _byte,
    _drop,
    _repeat,
    _deepen,
    _cut,
    _splice,
    _number,
    _escape,
    _exchange,
)
