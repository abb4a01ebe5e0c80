"""Weights from a file: a table of action -> 1 to 100, in TOML or JSON, under the bounds of the setting `weights`."""

import json
import tomllib
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from schemas.exits import UsageError
from schemas.rejects import printable
from schemas.settings_fields import Weights

MAX_SHOWN = 80
EXPECTED = "one table of action to weight, such as `export = 5` in TOML"

_weights = TypeAdapter(Weights, config=ConfigDict(strict=True))


def read_weights(path: Path) -> dict[str, int]:
    """The weights in a file. Raises UsageError that names the file, the key, its value and the fix."""
    shown = printable(str(path), MAX_SHOWN)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--weights {shown}: {error.strerror}; correct the path") from None
    except ValueError:
        raise UsageError(f"--weights {shown} is not UTF-8; save it as UTF-8") from None
    try:
        return parse_weights(text)
    except ValueError as error:
        raise UsageError(f"--weights {shown}: {printable(str(error), 300)}") from None


def parse_weights(text: str) -> dict[str, int]:
    """The weights that a text says. Raises ValueError that names the key, its value and the fix."""
    table = _parse(text)
    if not table:
        raise ValueError(f"no weights in it; write {EXPECTED}")
    for key, value in table.items():
        try:
            _weights.validate_python({key: value})
        except ValidationError as error:
            raise ValueError(_complaint(key, value, error)) from None
    return _weights.validate_python(table)


def _parse(text: str) -> dict[str, object]:
    # No TOML starts with a brace, and no JSON object without one.
    is_json = text.lstrip().startswith("{")
    try:
        return json.loads(text, object_pairs_hook=_table) if is_json else tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"nested too deep; write {EXPECTED}") from None
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"not valid {'JSON' if is_json else 'TOML'} ({error}); write {EXPECTED}") from None


def _table(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object whose keys are all different, as in TOML: of two weights one would be meant, the other not."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{printable(twice, MAX_SHOWN)} is there twice; keep one of them")
    return table


def _complaint(key: str, value: object, error: ValidationError) -> str:
    shown = f"{printable(key, MAX_SHOWN)} is {printable(repr(value), MAX_SHOWN)}"
    if isinstance(value, dict):
        return f"{shown}: expected a weight, not a table; write {EXPECTED}, without a heading above it"
    if "[key]" in error.errors()[0]["loc"]:
        return f"{shown}: an action has 1 to 256 characters; correct its name"
    return f"{shown}: expected a whole number from 1 to 100; correct it, or remove the action to weigh it 0"
