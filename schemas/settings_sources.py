"""Where settings come from: the environment first, then a TOML file; and how a wrong one is explained."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from schemas.exits import ConfigurationError
from schemas.rejects import printable

CONFIG_FILE = "ENGAGEMENT_CONFIG"
PREFIX = "ENGAGEMENT_"
OWN_NAMES = {"kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS", "redis_url": "REDIS_URL"}
"""Settings whose environment variable has no prefix: the two addresses, under the names that others use too."""

PLAIN_TEXT = {"kafka_bootstrap_servers", "redis_url", "timezone", "score_basis", "topic_prefix"}
"""Settings whose variable is the value as it stands; all others are JSON (400, true, ["a", "b"], {"login": 5})."""

SECRET = {"redis_url", "kafka"}
"""Settings whose value may hold a password: never shown."""

MAX_SHOWN = 80
MAX_PATH = 4096  # as Linux has it: the end of a path is what tells two files apart


class Given(msgspec.Struct, frozen=True):
    """The values as given, by setting, and for each the name of the variable or of the key and file it came from."""

    values: dict[str, object]
    origins: dict[str, str]


def variable(setting: str) -> str:
    """Return the environment variable of a setting."""
    return OWN_NAMES.get(setting, PREFIX + setting.upper())


def read_sources(environ: Mapping[str, str], known: tuple[str, ...]) -> Given:
    """Return the values that the environment and the TOML file give for the settings in `known`.

    Raises ConfigurationError for names that are not known, and for what cannot be read.
    """
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    path = environ.get(CONFIG_FILE)
    if path is not None:
        for key, value in _read_file(path, known).items():
            values[key], origins[key] = value, f"{printable(key, MAX_SHOWN)} in {printable(path, MAX_PATH)}"
    _refuse_unknown_variables(environ, known)
    for key in known:
        if variable(key) in environ:
            values[key], origins[key] = _from_text(key, environ[variable(key)]), variable(key)
    return Given(values, origins)


def explain(given: Given, location: tuple[int | str, ...], kind: str, complaint: str) -> ConfigurationError:
    """Return one line for one validation error at `location` (the setting first)."""
    said = complaint.removeprefix("Value error, ")
    said = said[:1].lower() + said[1:] if said.startswith("Input") else said
    if not location:
        return ConfigurationError(f"wrong configuration: {said}; change one of them")
    key = str(location[0])
    if kind == "missing" and len(location) == 1:
        return ConfigurationError(f"{key} is not set and has no default: set {variable(key)}")
    place = given.origins.get(key, key)
    return ConfigurationError(f"{place} is {_shown(key, given.values[key])}: {_at(key, location)}{said}; correct it")


def _at(key: str, location: tuple[int | str, ...]) -> str:
    inner = ".".join(str(step) for step in location[1:] if step != "[key]")
    return f"{key}.{printable(inner, MAX_SHOWN)}: " if inner else ""


def _shown(key: str, value: object) -> str:
    return "not accepted" if key in SECRET else printable(repr(value), MAX_SHOWN)


def _read_file(path: str, known: tuple[str, ...]) -> dict[str, object]:
    shown = printable(path, MAX_PATH)
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{CONFIG_FILE} is {shown}: {error.strerror}; correct the path") from None
    except ValueError as error:
        complaint = printable(str(error), MAX_SHOWN)
        raise ConfigurationError(f"{shown} is not valid TOML: {complaint}; correct the file") from None
    for key in table:
        if key not in known:
            name = printable(key, MAX_SHOWN)
            raise ConfigurationError(f"{name} in {shown} is no setting; remove it, or choose from: {', '.join(known)}")
    return table


def _refuse_unknown_variables(environ: Mapping[str, str], known: tuple[str, ...]) -> None:
    variables = {variable(key) for key in known} | {CONFIG_FILE}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in variables:
            shown = printable(name, MAX_SHOWN)
            choice = ", ".join(sorted(variables))
            raise ConfigurationError(f"{shown} is no setting; unset it, or choose from: {choice}")


def _from_text(key: str, text: str) -> object:
    if key in PLAIN_TEXT:
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        shown = _shown(key, text)
        message = f'{variable(key)} is {shown}: expected JSON (such as 400, true, ["a", "b"]); correct it'
        raise ConfigurationError(message) from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
