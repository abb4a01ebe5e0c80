"""The checks behind single settings. A ValueError says what is expected and what to do."""

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.exits import ConfigurationError
from schemas.moments import Calendar

PROTECTED_KAFKA = {
    "group.id": "it follows from topic_prefix",
    "isolation.level": "input is read committed",
    "enable.auto.commit": "the offset that counts is the one in Redis",
    "auto.offset.reset": "an offset outside the log must stop a slot",
    "enable.partition.eof": "the end of a log is known by that event",
    "transactional.id": "it follows from topic_prefix",
    "enable.idempotence": "a retry must not write a record twice",
    "bootstrap.servers": "KAFKA_BOOTSTRAP_SERVERS is the place for it",
    "metadata.broker.list": "KAFKA_BOOTSTRAP_SERVERS is the place for it",
}
"""librdkafka settings that the guarantees rest on, each with the reason why it is not free."""

REDIS_SCHEMES = ("redis", "rediss", "unix")
_HOST_AND_PORT = re.compile(r"(?:[\w.-]+|\[[\w.:%]+\])(?::[0-9]+)?")
_ADDRESS = "expected an address such as redis://host:6379/0 or unix:///path/to/redis.sock"
_ENCODE = "percent-encode user and password (%40 for @, %23 for #, %2F for /, %3A for :, %3F for ?)"


def _known_timezone(name: str) -> str:
    try:
        Calendar(name)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return name


def redis_place(url: str) -> str:
    """Return host and port, or the socket path, of a Redis address, and nothing of its user, password and options.

    Raises ValueError where it is none, or where a part of the password may stand outside of its place; the message
    shows nothing of the address.
    """
    parts = _split(url)
    userinfo, _, place = parts.netloc.rpartition("@")
    if "@" in userinfo + parts.path + parts.query + parts.fragment or "#" in url:
        raise ValueError(f"only one @ may stand in it, and no #: {_ENCODE}")
    if parts.scheme == "unix":
        if place or not parts.path:
            raise ValueError(_ADDRESS)
        return parts.path
    if not place:
        raise ValueError(_ADDRESS)
    if not _HOST_AND_PORT.fullmatch(place):
        raise ValueError(f"host or port is none: {_ADDRESS}, and {_ENCODE}")
    return place


def _split(url: str) -> SplitResult:
    """Split an address. What urlsplit says of a wrong one quotes it, and it drops blanks and control characters."""
    if url.partition("://")[0] not in REDIS_SCHEMES:
        raise ValueError(_ADDRESS)
    if " " in url or not url.isprintable():
        raise ValueError(f"no blank or control character may stand in it: {_ENCODE}")
    try:
        parts = urlsplit(url)
        # Asking for the port checks it.
        _ = parts.port
    except ValueError:
        raise ValueError(f"host or port is none: {_ADDRESS}, and {_ENCODE}") from None
    return parts


def _redis_address(url: str) -> str:
    redis_place(url)
    return url


def _as_tuple(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError('expected a list such as ["login"]')  # noqa: TRY004  what pydantic turns into its own error
    return tuple(value)


def _sorted_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _as_texts(table: object) -> object:
    """Return librdkafka settings under dotted names, values as text: unquoted dotted keys are nested tables in TOML."""
    if not isinstance(table, dict):
        return table
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            nested = _as_texts(value)
            flat.update({f"{key}.{name}": text for name, text in nested.items()} if isinstance(nested, dict) else {})
        elif isinstance(value, bool):
            flat[key] = str(value).lower()
        else:
            flat[key] = str(value) if isinstance(value, int | float) else value
    return flat


def _unprotected(table: dict[str, str]) -> dict[str, str]:
    for key, reason in PROTECTED_KAFKA.items():
        if key in table:
            raise ValueError(f"{key} cannot be set in it, because {reason}; remove it")
    return table


Text = Annotated[str, Field(min_length=1, max_length=256)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple), AfterValidator(_sorted_unique)]
Limit = Annotated[int, Field(ge=1, le=100_000_000)]
"""Of what one partition holds: ids are u32, and a day's counters of 4 bytes each must fit a Redis string of 512 MB."""
Weights = dict[Text, Annotated[int, Field(ge=1, le=100)]]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
RedisAddress = Annotated[str, AfterValidator(_redis_address)]
KafkaSettings = Annotated[dict[str, str], BeforeValidator(_as_texts), AfterValidator(_unprotected)]
