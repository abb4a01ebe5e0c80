"""The rights that docs/security.md grants, as a shell takes its lines: by user, and with any one of them taken away."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
_TOOLS = ("kafka-acls", "kafka-configs", "redis-cli")
_RECORDS_ITS_ARGUMENTS = """#!/bin/sh
printf '%s\\t' "${0##*/}" "$@" >> "$TYPED"
printf '\\n' >> "$TYPED"
"""
_RESOURCES = {"--topic": "TOPIC", "--group": "GROUP", "--transactional-id": "TRANSACTIONAL_ID"}


@dataclass(frozen=True)
class KafkaRight:
    """One operation on one resource; `prefixed` on all whose names start so."""

    operation: str
    resource: str
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource.lower()} {self.name}{'*' if self.prefixed else ''}"


@dataclass(frozen=True)
class Grant:
    """What one user may do; `redis` are the commands and key patterns of its rule, none where it has no login."""

    user: str
    kafka: tuple[KafkaRight, ...] = ()
    redis: tuple[str, ...] = ()

    def lacking_one(self) -> Iterator[tuple[str, "Grant"]]:
        """For every single right what it is, and this grant without it under a name of its own."""
        for number, right in enumerate(self.kafka):
            kept = self.kafka[:number] + self.kafka[number + 1 :]
            yield str(right), replace(self, user=f"{self.user}-k{number}", kafka=kept)
        for number, part in enumerate(self.redis):
            for less in _less(part):
                redis = (*self.redis[:number], *less, *self.redis[number + 1 :])
                said = f"{part}, of which {less[0]} is left" if less else part
                yield said, replace(self, user=f"{self.user}-r{number}{''.join(less)[1:2]}", redis=redis)


def _less(part: str) -> list[tuple[str, ...]]:
    """A command is taken away, of the right to read and write keys the one and the other."""
    if part.startswith("%RW~"):
        return [("%R~" + part[4:],), ("%W~" + part[4:],)]
    return [()]


def shell_block(heading: str) -> str:
    """The shell lines below a heading of the document."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def typed(lines: str, folder: Path) -> list[list[str]]:
    """The commands of other systems' tools that the lines come to, run by a shell with tools that only take note."""
    folder.mkdir()
    for tool in _TOOLS:
        (folder / tool).write_text(_RECORDS_ITS_ARGUMENTS)
        (folder / tool).chmod(0o755)
    record = folder / "typed"
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "TYPED": str(record), "PASSWORD": "as-it-is-typed"}
    subprocess.run(["/bin/sh", "-eu"], input=lines, text=True, env=environment, check=True, capture_output=True)
    return [line.rstrip("\t").split("\t") for line in record.read_text().splitlines()]


def grants(folder: Path) -> dict[str, Grant]:
    """Every user of the document with its rights."""
    found: dict[str, Grant] = {}
    for tool, *arguments in typed(shell_block("Rights"), folder):
        user, kafka, redis = _acls(arguments) if tool == "kafka-acls" else _rule(arguments)
        before = found.get(user, Grant(user))
        found[user] = Grant(user, before.kafka + kafka, before.redis + redis)
    return found


def _acls(arguments: Sequence[str]) -> tuple[str, tuple[KafkaRight, ...], tuple[str, ...]]:
    options = list(pairwise(arguments))
    (user,) = [value.removeprefix("User:") for name, value in options if name == "--allow-principal"]
    operations = [value for name, value in options if name == "--operation"]
    resources = [(_RESOURCES[name], value) for name, value in options if name in _RESOURCES]
    prefixed = ("--resource-pattern-type", "prefixed") in options
    assert operations
    assert resources
    rights = (KafkaRight(one, kind, name, prefixed) for one, (kind, name) in product(operations, resources))
    return user, tuple(rights), ()


def _rule(arguments: Sequence[str]) -> tuple[str, tuple[KafkaRight, ...], tuple[str, ...]]:
    before, user, *rule = arguments[arguments.index("SETUSER") :]
    assert before == "SETUSER"
    parts = tuple(part for part in rule if part.startswith(("+", "%")))
    assert {part[0] for part in rule if part not in parts} == {"r", "o", "#"}, "reset, on, and the hash of a password"
    return user, (), parts
