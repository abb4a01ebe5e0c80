"""The published runs as rows: what each was, and how its configuration differs from that of the run before."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import TextIO

import msgspec

from schemas.manifest import Cohort, RunConfig
from store.console import write_table
from store.runs import Published

HEADING = (
    "as_of",
    "revision",
    "accounts",
    "published at",
    "run_id",
    "digest",
    "config_version",
    "ranked by Status",
    "settings that changed",
)

_DIGEST_SHOWN = 16


class Difference(msgspec.Struct, frozen=True):
    """A setting of two runs; None where a weight is not there."""

    before: object
    after: object


class RunRow(msgspec.Struct, frozen=True):
    """One run; `cohorts` by Status, "" for none; `config_changes` by setting, against the run before it."""

    as_of: str
    revision: int
    accounts: int
    cohorts: dict[str, Cohort]
    config_version: str
    config_changes: dict[str, Difference]
    published_at: str
    run_id: str
    digest: str


def run_rows(runs: Iterable[Published]) -> list[RunRow]:
    """A row for every run, oldest first; the first one has no run before it, so that nothing differs."""
    published = list(runs)
    pairs = pairwise([*published[:1], *published])
    return [_row(run, config_changes(before.manifest.config, run.manifest.config)) for before, run in pairs]


def config_changes(before: RunConfig, after: RunConfig) -> dict[str, Difference]:
    """The settings that differ; of the weights, each action of its own as `weights.ACTION`."""
    then, now = _flat(before), _flat(after)
    names = [*now, *(name for name in then if name not in now)]
    return {name: Difference(then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def _flat(config: RunConfig) -> dict[str, object]:
    settings: dict[str, object] = {name: getattr(config, name) for name in RunConfig.__struct_fields__}
    weights = settings.pop("weights")
    named = weights.items() if isinstance(weights, Mapping) else ()
    return {**settings, **{f"weights.{action}": weight for action, weight in sorted(named)}}


def _row(run: Published, changes: dict[str, Difference]) -> RunRow:
    manifest = run.manifest
    return RunRow(
        as_of=manifest.as_of,
        revision=manifest.revision,
        accounts=manifest.accounts,
        cohorts=manifest.cohorts,
        config_version=manifest.config_version,
        config_changes=changes,
        published_at=datetime.fromtimestamp(run.timestamp / 1000, UTC).isoformat(timespec="seconds")[:-6] + "Z",
        run_id=manifest.run_id,
        digest=manifest.digest,
    )


def print_runs(rows: list[RunRow], out: TextIO) -> None:
    """Print the rows as a table to `out`; digests are cut to their start."""
    if not rows:
        out.write("nothing was published yet\n")
        return
    write_table(out, HEADING, map(_cells, rows))


def _cells(row: RunRow) -> tuple[object, ...]:
    cohorts = ", ".join(
        f"{name or 'no Status'} {one.ranked}/{one.accounts}" for name, one in sorted(row.cohorts.items())
    )
    changes = "; ".join(
        f"{name}: {_shown(one.before)} -> {_shown(one.after)}" for name, one in row.config_changes.items()
    )
    digest = row.digest[:_DIGEST_SHOWN]
    figures = (row.as_of, row.revision, row.accounts, row.published_at)
    return (*figures, row.run_id, digest, row.config_version, cohorts, changes)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return "none" if value is None else str(value)
