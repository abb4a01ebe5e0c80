"""Reads slots out of Redis, each as of one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faults.checker.redo import CHUNK_BYTES, Header, Redo, decode, envelope_end

MOSTLY_ENOUGH = 16_384
TRIES = 50

Place = tuple[str, int]
"""A topic and a partition."""


def tag(place: Place) -> str:
    return f"{{{place[0]}/{place[1]}}}"


def named(place: Place) -> str:
    return f"{place[0]}/{place[1]}"


class ShortString(Exception):  # noqa: N818  a finding, not a failure
    """Redis holds less than the header says."""


@dataclass(frozen=True)
class State:
    """All of a slot at one moment, the redo record laid over its strings."""

    redo: Redo
    strings: Mapping[str, bytes]

    @property
    def header(self) -> Header:
        return self.redo.header


class Slots:
    """See the module. Raises what redis raises where there is no answer."""

    def __init__(self, redis_url: str) -> None:
        self.client = redis.Redis.from_url(
            redis_url, socket_timeout=10, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    def headers(self, places: Iterable[Place]) -> dict[Place, Redo | None]:
        """The record of each place without its writes, None where there is no slot."""
        places = list(places)
        starts = self._starts([f"{tag(place)}:redo" for place in places])
        return {place: decode(start) if start else None for place, start in zip(places, starts, strict=True)}

    def _starts(self, keys: list[str]) -> list[bytes]:
        with self.client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.getrange(key, 0, MOSTLY_ENOUGH - 1)
            starts = cast("list[bytes]", pipe.execute())
        return [
            start if len(start) < MOSTLY_ENOUGH or envelope_end(start) <= MOSTLY_ENOUGH else self._whole(key)
            for key, start in zip(keys, starts, strict=True)
        ]

    def _whole(self, key: str) -> bytes:
        return cast("bytes | None", self.client.get(key)) or b""

    def read(self, place: Place) -> State | None:
        """The state now, None where there is no slot. Raises ``ShortString``."""
        (start,) = self._starts([f"{tag(place)}:redo"])
        for _ in range(TRIES):
            if not start:
                return None
            keys = _keys(place, decode(start).header)
            with self.client.pipeline(transaction=True) as pipe:
                pipe.get(f"{tag(place)}:redo")
                pipe.mget(list(keys.values()) or ["nothing"])
                whole, found = cast("tuple[bytes | None, list[bytes | None]]", tuple(pipe.execute()))
            start = whole or b""
            if start and _keys(place, decode(start).header).keys() <= keys.keys():
                return _overlaid(decode(start), dict(zip(keys, found, strict=False)))
        raise AssertionError(f"{named(place)} got new strings {TRIES} times while it was read")


def _keys(place: Place, header: Header) -> dict[tuple[str, int], str]:
    return {
        (string, chunk): f"{tag(place)}:{string}:{chunk}"
        for string, length in header.lengths.items()
        for chunk in range(-(-length // CHUNK_BYTES))
    }


def _overlaid(redo: Redo, found: Mapping[tuple[str, int], bytes | None]) -> State:
    strings: dict[str, bytes] = {}
    for string, length in redo.header.lengths.items():
        held = b"".join(found.get((string, chunk)) or b"" for chunk in range(-(-length // CHUNK_BYTES)))
        needed = redo.bases.get(string, length)
        if len(held) < needed:
            raise ShortString(f"Redis holds {len(held)} of {needed} bytes of {string}")
        strings[string] = held
    changed: dict[str, bytearray] = {}
    for (string, chunk), offset, data in redo.writes():
        length = redo.header.lengths[string]
        if string not in changed:
            held = strings[string][:length]
            changed[string] = bytearray(held) + bytes(length - len(held))
        position = chunk * CHUNK_BYTES + offset
        changed[string][position : position + len(data)] = data
    for string, held in strings.items():
        strings[string] = bytes(changed[string]) if string in changed else held[: redo.header.lengths[string]]
    return State(redo, strings)
