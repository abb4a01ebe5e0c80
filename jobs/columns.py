"""Score bodies as flat columns for analysts, under names that stay."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Literal

import msgspec

from schemas.manifest import RunConfig
from schemas.scores import ADOPTION_WINDOWS, WINDOWS, Adoption, ScoreBody

Kind = Literal["text", "whole", "number", "day"]
Value = str | int | float | date | None
Getter = Callable[[ScoreBody], Value]


@dataclass(frozen=True)
class Column:
    """A column: its name, what its values are, and the values, None where there is none."""

    name: str
    kind: Kind
    values: Sequence[Value]


def flatten(bodies: Sequence[ScoreBody], config: RunConfig) -> Iterator[Column]:
    """All columns in the order of the score record, made one by one: a million accounts have 41 million values.

    The names are the same for every run, whatever is configured and however many rows there are, but for one column
    `adoption_feature_ACTION` for each of the feature actions.
    """
    for name, kind, value in _columns(config):
        yield Column(name, kind, list(map(value, bodies)))


def _columns(config: RunConfig) -> list[tuple[str, Kind, Getter]]:
    return [
        ("as_of", "day", lambda body: date.fromisoformat(body.as_of)),
        *((name, kind, attrgetter(name)) for name, kind in _PLAIN.items()),
        *((f"time_spent_minutes_{days}", "whole", _window("time_spent_minutes", days)) for days in WINDOWS),
        *((f"active_users_{days}", "whole", _window("active_users", days)) for days in WINDOWS),
        *((f"license_utilization_{days}", "number", _window("license_utilization", days)) for days in WINDOWS),
        ("weighted_score_version", "text", _inner("weighted_score", "version")),
        ("weighted_score", "whole", _inner("weighted_score", "value")),
        *((f"adoption_licenses_{days}", "number", _licensed(days)) for days in ADOPTION_WINDOWS),
        ("adoption_minutes_per_login", "number", _inner("adoption", "minutes_per_login")),
        *((f"adoption_feature_{name}", "number", _feature(name)) for name in config.feature_actions),
        *((f"change_{name}", "whole", _inner("change", name)) for name in _CHANGE),
    ]


_PLAIN: dict[str, Kind] = {
    "account_id": "text",
    "status": "text",
    "score": "whole",
    "rank": "whole",
    "cohort_size": "whole",
    "accounts_in_status": "whole",
    "average_daily_actions": "number",
    "actions": "whole",
    "days_considered": "whole",
    "usage_frequency": "text",
    "active_days": "whole",
}

_CHANGE = ("previous", "own", "peers", "status", "configuration")


def _inner(outer: str, inner: str) -> Getter:
    """A field of a part of the record, None where the part is null or absent."""

    def value(body: ScoreBody) -> Value:
        part = getattr(body, outer)
        return None if part is None or part is msgspec.UNSET else getattr(part, inner)

    return value


def _window(outer: str, days: int) -> Getter:
    return _inner(outer, f"d{days}")


def _adoption(body: ScoreBody) -> Adoption | None:
    return None if isinstance(body.adoption, msgspec.UnsetType) else body.adoption


def _licensed(days: int) -> Getter:
    def value(body: ScoreBody) -> Value:
        adoption = _adoption(body)
        return None if adoption is None or adoption.licenses is None else getattr(adoption.licenses, f"d{days}")

    return value


def _feature(name: str) -> Getter:
    def value(body: ScoreBody) -> Value:
        adoption = _adoption(body)
        return None if adoption is None else adoption.features[name]

    return value
