"""The file of `engagement-stream rejects retry --file`: JSON lines, each a reject's place and what to send instead.

The lines that `engagement-stream rejects list --output json` prints are of this form, so they can be edited.
"""

from collections.abc import Iterable

import msgspec

from schemas.exits import UsageError
from schemas.settings import Settings
from stream.rejects_topic import Place
from stream.retry import Fixed


class _Line(msgspec.Struct):
    """`value` is a text to be sent exactly so, or an object to be sent as JSON; other fields are ignored."""

    topic: str
    partition: int
    offset: int
    value: str | dict[str, msgspec.Raw]
    key: str | None = None


_lines = msgspec.json.Decoder(_Line)


def read_fixes(lines: Iterable[bytes], settings: Settings) -> dict[Place, Fixed]:
    """The fix for each place. Raises UsageError that names the first wrong line."""
    fixes: dict[Place, Fixed] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = _lines.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"line {number}: {error}; it needs topic, partition, offset and value (a text or an object)"
            raise UsageError(message) from error
        place = Place(line.topic, line.partition, line.offset)
        _check(number, place, fixes, settings)
        value = line.value.encode() if isinstance(line.value, str) else msgspec.json.encode(line.value)
        fixes[place] = Fixed(value, None if line.key is None else line.key.encode())
    if not fixes:
        raise UsageError("the file has no lines; give one for each record that is to be sent again")
    return fixes


def _check(number: int, place: Place, fixes: dict[Place, Fixed], settings: Settings) -> None:
    inputs = (settings.topics.actions, settings.topics.accounts)
    if place.topic not in inputs:
        raise UsageError(f"line {number}: topic is {place.topic}; it must be {' or '.join(inputs)}")
    if place in fixes:
        raise UsageError(f"line {number}: {place} was named by a line before; name it once")
