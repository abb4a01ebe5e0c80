"""Writes docs/asyncapi.yaml from the JSON Schemas, their examples and the topics' settings: `python docs/asyncapi.py`.

A test fails while the file is not what this gives.
"""

import io
import json
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from schemas.scores import SCHEMA_HEADER, USER_SCHEMA_HEADER
from schemas.settings import Settings
from stream.topic_plan import TopicPlan, Wishes, plans

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs/asyncapi.yaml"
BINDING = "0.5.0"

Node = dict[str, Any]

NAME: Node = {"type": "string", "minLength": 1, "maxLength": 256}
ACCOUNT_KEY: Node = {"description": "The account_id.", **NAME}
DAY_KEY: Node = {"description": "as_of.", "type": "string", "format": "date"}
ANY_KEY: Node = {"description": "As it was received; perhaps none."}


def _schema_header(header: tuple[str, bytes]) -> Node:
    name, value = header
    return {"type": "object", "required": [name], "properties": {name: {"type": "string", "const": value.decode()}}}


HEADERS = {"score": _schema_header(SCHEMA_HEADER), "userScore": _schema_header(USER_SCHEMA_HEADER)}
FORGOTTEN = "A null value: the account is forgotten."

MESSAGES: dict[str, tuple[str, str, Node]] = {
    "action": ("action", "actions", {"description": "The account_id is advised; never read."}),
    "account": ("account", "accounts", ACCOUNT_KEY),
    "score": ("score", "scores", ACCOUNT_KEY),
    "userScore": ("user-score", "user-scores", ACCOUNT_KEY),
    "manifest": ("manifest", "runs", DAY_KEY),
}
"""By message: its schema, the folder of its examples, its key."""

CHANNELS: dict[str, tuple[str, str, list[str], str]] = {
    "actions": ("actions", "receive", ["action"], "What users do. Written by producers of events."),
    "accounts": ("accounts", "receive", ["account", "forgetAccount"], "What accounts are. Written by CRM or billing."),
    "scores": ("scores", "send", ["score", "forgottenAccount"], "The score of every account, once per run."),
    "userScores": ("user_scores", "send", ["userScore"], "Weighted scores of users and profiles, where configured."),
    "runs": ("runs", "send", ["manifest"], "The manifest of every run, last record of its transaction."),
    "rejects": ("rejects", "send", ["reject"], "Input records that could not be counted, as they came."),
}
"""By channel: name of the topic in the settings, what the engine does, messages, description."""


def schema(name: str) -> Node:
    """A JSON Schema of the project; it uses only words that AsyncAPI's own dialect shares."""
    content: Node = json.loads((ROOT / f"schemas/json/{name}.schema.json").read_text(encoding="utf-8"))
    del content["$schema"]
    return content


def document() -> Node:
    """The whole document, from the engine's point of view: it receives actions and sends scores."""
    settings = Settings(kafka_bootstrap_servers="k", redis_url="redis://r", user_scores=True)
    planned = {plan.name: plan for plan in plans(settings, Wishes(), brokers=1)}
    topics = {name: planned[getattr(settings.topics, field)] for name, (field, *_) in CHANNELS.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Engagement scoring",
            "version": project["version"],
            "description": f"{project['description']} What the fields mean: contracts.md beside this file.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Read with isolation.level=read_committed.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "KAFKA_BOOTSTRAP_SERVERS"}},
            }
        },
        "channels": {name: _channel(name, plan) for name, plan in topics.items()},
        "operations": {_operation_id(name): _operation(name) for name in CHANNELS},
        "components": {
            "messages": _messages(),
            "schemas": {name: schema(file) for name, (file, *_) in MESSAGES.items()},
        },
    }


def text() -> str:
    """The document as YAML."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda _: True
    target = io.StringIO()
    target.write("# Written by `python docs/asyncapi.py` from the JSON Schemas; change those instead.\n")
    yaml.dump(document(), target)
    return target.getvalue()


def _channel(name: str, plan: TopicPlan) -> Node:
    _, _, messages, description = CHANNELS[name]
    kafka: Node = {"topicConfiguration": {key: _value(key, value) for key, value in plan.settings.items()}}
    if plan.partitions_fixed:
        kafka["partitions"] = plan.partitions
    return {
        "address": plan.name,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
        "bindings": {"kafka": {**kafka, "bindingVersion": BINDING}},
    }


def _value(key: str, value: str) -> object:
    """A topic's setting in the type that the binding wants."""
    if key == "cleanup.policy":
        return [value]
    return int(value) if value.lstrip("-").isdigit() else value


def _operation_id(channel: str) -> str:
    _, action, *_ = CHANNELS[channel]
    return action + channel[0].upper() + channel[1:]


def _operation(channel: str) -> Node:
    _, action, messages, _ = CHANNELS[channel]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages],
    }


def _messages() -> Node:
    null = {"description": FORGOTTEN, "type": "null"}
    rejected = {
        "name": "reject",
        "summary": "An input record that could not be counted.",
        "contentType": "application/octet-stream",
        "headers": schema("reject"),
        "payload": {"description": "The bytes as they were received."},
        **_keyed(ANY_KEY),
    }
    return {
        **{name: _message(name) for name in MESSAGES},
        "forgetAccount": {"name": "forgetAccount", "summary": FORGOTTEN, "payload": null, **_keyed(ACCOUNT_KEY)},
        "forgottenAccount": {
            "name": "forgottenAccount",
            "summary": FORGOTTEN,
            "headers": HEADERS["score"],
            "payload": null,
            **_keyed(ACCOUNT_KEY),
        },
        "reject": rejected,
    }


def _message(name: str) -> Node:
    file, examples, key = MESSAGES[name]
    title = schema(file)["title"]
    headers = {"headers": HEADERS[name]} if name in HEADERS else {}
    payload = {"payload": {"$ref": f"#/components/schemas/{name}"}}
    return {"name": name, "title": title, **headers, **payload, **_keyed(key), "examples": _examples(examples)}


def _keyed(key: Node) -> Node:
    return {"bindings": {"kafka": {"key": key, "bindingVersion": BINDING}}}


def _examples(folder: str) -> list[Node]:
    preferred = {"actions": "all_fields", "accounts": "all_fields", "scores": "all_fields", "user-scores": "user"}
    path = ROOT / f"schemas/examples/{folder}/valid/{preferred.get(folder, 'manifest')}.json"
    return [{"payload": json.loads(path.read_text(encoding="utf-8"))}]


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
