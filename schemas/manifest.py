"""The manifest: last record of a run's transaction, in the runs topic under the key `as_of`."""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

ScoreBasis = Literal["actions", "time_spent"]


class RunConfig(msgspec.Struct, frozen=True):
    """The settings that decide a run's figures; `config_version` hashes exactly these."""

    timezone: str
    score_basis: ScoreBasis
    lateness_days: int
    retention_days: int
    unscored_statuses: tuple[str, ...]
    weights: dict[str, int]
    login_actions: tuple[str, ...]
    feature_actions: tuple[str, ...]


class Cohort(msgspec.Struct, frozen=True, gc=False):
    """One Status in a run: all its accounts, and the ranked ones among them."""

    accounts: int
    ranked: int


class Manifest(msgspec.Struct, frozen=True):
    """One published run.

    `inputs` has the next offset for every "<topic>/<partition>" of both input topics; `cohorts` is by Status, where ""
    is the cohort of accounts without one (a Status is never empty text).
    """

    run_id: str
    as_of: str
    revision: int
    accounts: int
    config_version: str
    config: RunConfig
    inputs: dict[str, int]
    cohorts: dict[str, Cohort]
    digest: str


def config_version(config: RunConfig) -> str:
    """Return 16 hex digits that stand for the settings of a run."""
    return _hash(config)[:16]


def weights_version(weights: Mapping[str, int]) -> str:
    """Return 16 hex digits that stand for the weights, the version that travels with every weighted figure."""
    return _hash(dict(weights))[:16]


def run_id(as_of: str, version: str, inputs: Mapping[str, int], digest: str, revision: int) -> str:
    """Return 32 hex digits that stand for what went into a run and what came out; `version` is its config_version."""
    parts = {
        "as_of": as_of,
        "config_version": version,
        "inputs": dict(inputs),
        "digest": digest,
        "revision": revision,
    }
    return _hash(parts)[:32]


def encode(manifest: Manifest) -> bytes:
    """Return compact JSON in field order, tables by key: the same manifest gives the same bytes."""
    return msgspec.json.encode(manifest, order="deterministic")


def decode(value: bytes) -> Manifest:
    """Return a manifest as read from the runs topic; fields that a later version added are ignored.

    Raises msgspec.DecodeError (which covers ValidationError) where the bytes are no manifest.
    """
    return msgspec.json.decode(value, type=Manifest)


def _hash(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
