"""The checks behind single settings. A ValueError says what is expected and what to do."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.exits import ConfigurationError
from schemas.moments import Calendar

PROTECTED_KAFKA = {
    "group.id": "it follows from topic_prefix",
    "isolation.level": "input is read committed",
    "enable.auto.commit": "the offset that counts is the one in Redis",
    "auto.offset.reset": "an offset outside the log must stop a slot",
    "transactional.id": "it follows from topic_prefix",
    "enable.idempotence": "a retry must not write a record twice",
    "bootstrap.servers": "KAFKA_BOOTSTRAP_SERVERS is the place for it",
    "metadata.broker.list": "KAFKA_BOOTSTRAP_SERVERS is the place for it",
}
"""librdkafka settings that the guarantees rest on, each with the reason why it is not free."""

REDIS_SCHEMES = ("redis", "rediss", "unix")


def _known_timezone(name: str) -> str:
    try:
        Calendar(name)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return name


def _redis_address(url: str) -> str:
    parts = urlsplit(url)
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in REDIS_SCHEMES or not place:
        raise ValueError("expected an address such as redis://host:6379/0")
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
Weights = dict[Text, Annotated[int, Field(ge=1, le=100)]]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
RedisAddress = Annotated[str, AfterValidator(_redis_address)]
KafkaSettings = Annotated[dict[str, str], BeforeValidator(_as_texts), AfterValidator(_unprotected)]
