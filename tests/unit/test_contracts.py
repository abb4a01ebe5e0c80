"""What docs/ says about the contracts is what the JSON Schemas, the typed records and the topics say."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from ruamel.yaml import YAML

from docs import asyncapi
from schemas.manifest import config_version, weights_version
from schemas.rejects import Reason
from schemas.scores import SCHEMA_HEADER, USER_SCHEMA_HEADER
from schemas.settings import Settings
from stream.topic_plan import Wishes, plans

ROOT = Path(__file__).parents[2]
CONTRACTS = (ROOT / "docs/contracts.md").read_text(encoding="utf-8")
SCHEMAS = {
    "actions": "action",
    "accounts": "account",
    "scores": "score",
    "user-scores": "user-score",
    "runs": "manifest",
    "rejects": "reject",
}
"""The schema of each topic, by its name without the prefix; of rejects, that of the headers."""
SETTINGS = Settings(kafka_bootstrap_servers="k", redis_url="redis://r", user_scores=True)
WORDS = {"string": "text"}

Node = dict[str, Any]


def schema(topic: str) -> Node:
    content: Node = json.loads((ROOT / f"schemas/json/{SCHEMAS[topic]}.schema.json").read_text(encoding="utf-8"))
    return content


def section(heading: str) -> str:
    return CONTRACTS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of all tables, without their heads."""
    lines = re.findall(r"^\| (.*) \|$(?!\n\|---)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def kind(node: Node) -> str:
    """A schema's type and bounds, as the tables say it."""
    if "enum" in node:
        return "one of " + ", ".join(f"`{value}`" for value in node["enum"])
    given = node["type"] if isinstance(node["type"], list) else [node["type"]]
    or_null = ", or null" if "null" in given else ""
    if windows(node):
        return f"{kind(node['properties']['1'])} by {', '.join(node['properties'])} days{or_null}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"{kind(node['additionalProperties'])} by name{or_null}"
    if "items" in node:
        return f"list of {kind(node['items'])}{or_null}"
    return str(WORDS.get(given[0], given[0])) + bounds(node, given[0]) + or_null


def bounds(node: Node, name: str) -> str:
    low, high = ("minLength", "maxLength") if name == "string" else ("minimum", "maximum")
    if name not in ("string", "integer", "number") or low not in node:
        return ""
    if high in node:
        return f" {node[low]:,} to {node[high]:,}"
    return f" from {node[low]}"


def windows(node: Node) -> bool:
    return bool(node.get("properties")) and all(name.isdigit() for name in node["properties"])


def fields(node: Node, path: str = "") -> list[list[str]]:
    """Path, type and presence of every field below a schema."""
    found = []
    for name, field in node["properties"].items():
        presence = "always" if name in node.get("required", ()) else "optional"
        found.append([f"`{path}{name}`", kind(field), presence])
        inner = field.get("additionalProperties")
        if isinstance(inner, dict) and "properties" in inner:
            found += fields(inner, f"{path}{name}.*.")
        elif "properties" in field and not windows(field):
            found += fields(field, f"{path}{name}.")
    return found


@pytest.mark.parametrize("topic", SCHEMAS)
def test_the_field_table_of_a_topic_is_its_json_schema(topic: str) -> None:
    described = [row for row in rows(section(f"`engagement.{topic}`")) if len(row) == 5]

    assert [row[:3] for row in described] == fields(schema(topic))
    assert all(row[3] and row[4] for row in described), "unit and meaning"


def test_the_topics_table_has_every_topic_with_its_settings() -> None:
    described = {row[0]: " ".join(row) for row in rows(section("Topics"))}
    planned = {f"`{plan.name}`": plan for plan in plans(SETTINGS, Wishes(), brokers=1)}

    assert described.keys() == planned.keys()
    for topic, plan in planned.items():
        for name in ("cleanup.policy", "retention.ms", "min.compaction.lag.ms", "delete.retention.ms"):
            if name in plan.settings:
                assert f"`{name}={plan.settings[name]}`" in described[topic]
        assert plan.settings.get("message.timestamp.type", "") in described[topic]


def test_every_topic_has_a_section_and_no_other_does() -> None:
    assert re.findall(r"^## `engagement\.([a-z-]+)`$", CONTRACTS, re.MULTILINE) == list(SCHEMAS)


def test_the_reasons_are_listed_in_the_order_of_judging() -> None:
    listed = [row[0] for row in rows(section("`engagement.rejects`")) if len(row) == 2]
    assert listed == [f"`{reason}`" for reason in Reason]


def test_the_tables_name_definitions_that_exist() -> None:
    defined = {term.lower() for term in re.findall(r"^\| \*\*(.+?)\*\* \|", CONTRACTS, re.MULTILINE)}
    named = {
        term.lower() for topic in SCHEMAS for term in re.findall(r"\*\*(.+?)\*\*", section(f"`engagement.{topic}`"))
    }

    assert len(defined) > 8
    assert named == defined


def test_the_header_of_the_schema_is_named() -> None:
    for topic, (name, value) in {"scores": SCHEMA_HEADER, "user-scores": USER_SCHEMA_HEADER}.items():
        assert f"`{name}: {value.decode()}`" in section(f"`engagement.{topic}`")


def test_the_versions_in_the_text_have_their_lengths() -> None:
    assert len(config_version(SETTINGS.run_config)) == len(weights_version({})) == 16


def test_the_asyncapi_document_is_the_one_that_the_schemas_give() -> None:
    assert asyncapi.TARGET.read_text(encoding="utf-8") == asyncapi.text(), "run python docs/asyncapi.py"


@pytest.fixture(scope="module")
def document() -> Node:
    content: Node = YAML(typ="safe").load(asyncapi.TARGET.read_text(encoding="utf-8"))
    return content


def test_the_asyncapi_document_is_valid_asyncapi(document: Node) -> None:
    official = json.loads(gzip.decompress((Path(__file__).parent / "asyncapi/3.0.0.json.gz").read_bytes()))
    validator = Draft7Validator(official)

    assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, "operations": {"x": {"action": "publish"}}})


def resolve(document: Node, node: Node) -> Node:
    while "$ref" in node:
        pointer = node["$ref"].removeprefix("#/").split("/")
        node = document
        for part in pointer:
            node = node[part]
    return node


def payloads(document: Node, channel: Node) -> list[Node]:
    messages = [resolve(document, message) for message in channel["messages"].values()]
    return [resolve(document, message["payload"]) for message in messages]


@pytest.mark.parametrize("topic", SCHEMAS)
def test_the_asyncapi_document_has_every_topic_with_the_fields_and_required_lists_of_its_schema(
    document: Node, topic: str
) -> None:
    [channel] = [one for one in document["channels"].values() if one["address"] == f"engagement.{topic}"]
    described = payloads(document, channel)[0]
    if topic == "rejects":
        described = resolve(document, next(iter(channel["messages"].values())))["headers"]

    assert fields(described) == fields(schema(topic))
    assert described["required"] == schema(topic)["required"]


def test_the_asyncapi_document_has_no_topic_that_does_not_exist(document: Node) -> None:
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert sorted(addresses) == sorted(plan.name for plan in plans(SETTINGS, Wishes(), brokers=1))


def test_only_accounts_and_scores_may_be_null(document: Node) -> None:
    nullable = {
        channel["address"]
        for channel in document["channels"].values()
        if any(payload.get("type") == "null" for payload in payloads(document, channel))
    }
    assert nullable == {"engagement.accounts", "engagement.scores"}


def test_the_examples_of_the_asyncapi_document_fit_their_payloads(document: Node) -> None:
    messages = [message for message in document["components"]["messages"].values() if "examples" in message]
    assert len(messages) == 5
    for message in messages:
        for example in message["examples"]:
            Draft202012Validator(resolve(document, message["payload"])).validate(example["payload"])
