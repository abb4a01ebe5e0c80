"""Versions and ids of runs are functions of what they stand for, and of nothing else."""

import hashlib
import json

import msgspec
import pytest

from schemas.manifest import Cohort, Manifest, RunConfig, config_version, decode, encode, run_id

CONFIG = RunConfig(
    timezone="UTC",
    score_basis="actions",
    lateness_days=3,
    retention_days=400,
    unscored_statuses=("Café",),
    weights={"login": 5, "export": 7},
    login_actions=("login",),
    feature_actions=(),
)
INPUTS = {"engagement.actions/0": 7, "engagement.accounts/0": 3}


def sorted_compact(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_config_version_is_a_hash_of_sorted_compact_json() -> None:
    expected = hashlib.sha256(sorted_compact(msgspec.to_builtins(CONFIG))).hexdigest()[:16]

    assert config_version(CONFIG) == expected


def test_a_config_version_does_not_depend_on_the_order_of_weights() -> None:
    turned = msgspec.structs.replace(CONFIG, weights=dict(reversed(CONFIG.weights.items())))

    assert config_version(turned) == config_version(CONFIG)


@pytest.mark.parametrize("change", [{"timezone": "Asia/Tokyo"}, {"lateness_days": 4}, {"weights": {"login": 6}}])
def test_a_config_version_changes_with_every_setting(change: dict[str, object]) -> None:
    assert config_version(msgspec.structs.replace(CONFIG, **change)) != config_version(CONFIG)


def test_a_run_id_is_a_hash_of_what_went_in_and_what_came_out() -> None:
    parts = {"as_of": "2025-06-30", "config_version": "v", "inputs": INPUTS, "digest": "d", "revision": 1}

    assert run_id("2025-06-30", "v", INPUTS, "d", 1) == hashlib.sha256(sorted_compact(parts)).hexdigest()[:32]


def test_a_manifest_is_compact_json_in_field_order_with_sorted_tables() -> None:
    manifest = Manifest("r", "2025-06-30", 0, 1, "v", CONFIG, INPUTS, {"b": Cohort(1, 0), "": Cohort(2, 1)}, "d")

    written = encode(manifest)

    assert decode(written) == manifest
    assert list(json.loads(written)) == list(Manifest.__struct_fields__)
    assert list(json.loads(written)["inputs"]) == sorted(INPUTS)
    assert b'"unscored_statuses":["Caf\xc3\xa9"]' in written


def test_bytes_that_are_no_manifest_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"run_id": "r"}')
