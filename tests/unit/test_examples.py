"""Every example beside the schemas is what its place says: to the JSON Schema, and to the code that runs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas import manifest, rejects, scores
from schemas.accounts import AccountEntry
from schemas.moments import Calendar
from schemas.rejects import Reason, Reject, reject_headers
from stream.decode import decode_account, decode_actions

FOLDER = Path(rejects.__file__).parent
MAX_RECORD_BYTES = 1024 * 1024
SCHEMA_OF = {
    "actions": "action",
    "accounts": "account",
    "scores": "score",
    "user-scores": "user-score",
    "runs": "manifest",
    "rejects": "reject",
}
TYPE_OF: dict[str, type[msgspec.Struct]] = {"scores": scores.ScoreRecord, "user-scores": scores.UserScore}
ONLY_THE_DECODER_REFUSES = {
    "invalid_field.before_year_1",
    "invalid_field.licenses_with_exponent",
    "invalid_field.licenses_with_fraction",
    "invalid_field.no_such_day",
    "invalid_field.created_on_no_day",
}


def examples(topic: str, kind: str) -> list[Path]:
    found = sorted((FOLDER / "examples" / topic / kind).glob("*.json"))
    assert found
    return found


def named(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.stem}"


def schema(topic: str) -> Draft202012Validator:
    content = json.loads((FOLDER / "json" / f"{SCHEMA_OF[topic]}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


def decoded(topic: str, value: bytes) -> object:
    """What the real decoding makes of an input value: a Reject or something else."""
    if topic == "actions":
        columns = decode_actions([value], MAX_RECORD_BYTES)
        return columns.rejects[0][1] if columns.rejects else columns
    return decode_account(
        account_key(value),
        value,
        offset=0,
        timestamp=0,
        max_record_bytes=MAX_RECORD_BYTES,
        calendar=Calendar("UTC"),
    )


def account_key(value: bytes) -> bytes:
    try:
        return str(json.loads(value)["account_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b"intel.com"


VALID = [path for topic in SCHEMA_OF for path in examples(topic, "valid")]
INVALID = [path for topic in SCHEMA_OF for path in examples(topic, "invalid")]
INPUTS = ("actions", "accounts")


@pytest.mark.parametrize("path", VALID, ids=named)
def test_a_valid_example_fits_its_json_schema(path: Path) -> None:
    schema(path.parent.parent.name).validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", INVALID, ids=named)
def test_an_invalid_example_does_not_fit_its_json_schema(path: Path) -> None:
    if path.stem.startswith("malformed_json") or path.stem in ONLY_THE_DECODER_REFUSES:
        return
    assert not schema(path.parent.parent.name).is_valid(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", [path for path in VALID if path.parent.parent.name in INPUTS], ids=named)
def test_a_valid_input_example_is_accepted(path: Path) -> None:
    assert not isinstance(decoded(path.parent.parent.name, path.read_bytes()), Reject)


@pytest.mark.parametrize("path", [path for path in INVALID if path.parent.parent.name in INPUTS], ids=named)
def test_an_invalid_input_example_is_refused_for_the_reason_in_its_name(path: Path) -> None:
    refused = decoded(path.parent.parent.name, path.read_bytes())

    assert isinstance(refused, Reject)
    assert refused.reason == Reason(path.stem.split(".")[0])


def test_an_account_example_is_read_to_what_it_says() -> None:
    entry = decoded("accounts", (FOLDER / "examples/accounts/valid/all_fields.json").read_bytes())

    assert entry == AccountEntry(
        offset=0,
        timestamp=0,
        account_id="intel.com",
        effective_at=1_751_328_000_000,
        status="Platinum",
        licenses=250,
        created_day=738_946,
    )


@pytest.mark.parametrize("path", [path for topic in TYPE_OF for path in examples(topic, "valid")], ids=named)
def test_a_score_example_is_read_and_written_again_by_the_typed_record(path: Path) -> None:
    topic = path.parent.parent.name
    example = json.loads(path.read_bytes())

    written = msgspec.json.encode(msgspec.json.decode(path.read_bytes(), type=TYPE_OF[topic]))

    assert json.loads(written) == without_added(example)
    assert list(json.loads(written)) == list(without_added(example)), "in the order of the contract"
    schema(topic).validate(json.loads(written))


def without_added(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: without_added(part) if isinstance(part, dict) else part
        for name, part in value.items()
        if name != "added_later"
    }


@pytest.mark.parametrize("topic", TYPE_OF)
def test_the_json_schema_has_the_fields_of_the_typed_record_and_requires_those_that_it_always_writes(
    topic: str,
) -> None:
    content = schema(topic).schema
    fields = msgspec.structs.fields(TYPE_OF[topic])

    assert isinstance(content, dict)
    assert list(content["properties"]) == [field.encode_name for field in fields]
    assert content["required"] == [field.encode_name for field in fields if field.required]


@pytest.mark.parametrize("path", examples("scores", "valid"), ids=named)
def test_the_parts_of_the_change_in_a_score_example_add_up_to_its_score(path: Path) -> None:
    record = json.loads(path.read_bytes())
    change = record["change"]

    parts = (change["own"], change["peers"], change["status"], change["configuration"])
    assert (change["previous"] or 0) + sum(parts) == (record["score"] or 0)


@pytest.mark.parametrize("path", examples("runs", "valid"), ids=named)
def test_a_manifest_example_is_read_and_written_again(path: Path) -> None:
    read = manifest.decode(path.read_bytes())

    written = manifest.encode(read)

    assert manifest.decode(written) == read
    schema("runs").validate(json.loads(written))


def test_the_headers_of_a_reject_fit_their_json_schema() -> None:
    refused = rejects.reject(Reason.INVALID_FIELD, "x\ny" * 1000)

    headers = {name: value.decode() for name, value in reject_headers(refused, "engagement.actions", 3, 17)}

    schema("rejects").validate(headers)
    assert (headers["topic"], headers["partition"], headers["offset"]) == ("engagement.actions", "3", "17")
