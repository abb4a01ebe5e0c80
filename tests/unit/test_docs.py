"""What the documentation names exists."""

import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli import app as jobs
from schemas.exits import Exit
from schemas.rejects import Reason
from schemas.settings import Settings
from stream.cli import app as stream

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "DESIGN.md",
    "CHANGELOG.md",
    "docs/contracts.md",
    "docs/guarantees.md",
    "docs/security.md",
    "docs/metrics.md",
    "docs/operations.md",
    "docs/runbook.md",
    "deploy/README.md",
    "examples/lf_contrib/README.md",
)
APPS = {"engagement-stream": stream, "engagement-jobs": jobs}
COMMAND = re.compile(r"(engagement-(?:stream|jobs)) ((?:rejects )?[a-z][a-z-]*)([^\n`#]*)")
# Only where it is a command that somebody would type: in a line of shell, or in backticks.
TYPED = re.compile(r"`[^`\n]+`|^(?:\$ |  \.venv/bin/)?engagement-.*$", re.MULTILINE)


def typed_commands(text: str) -> list[tuple[str, str, str]]:
    return [found for part in TYPED.findall(text) for found in COMMAND.findall(part)]


def all_commands() -> list[tuple[str, str, str]]:
    texts = [(ROOT / name).read_text() for name in DOCUMENTS] + [(ROOT / "examples/demo.py").read_text()]
    return sorted({found for text in texts for found in typed_commands(text)})


@cache
def help_of(program: str, command: str) -> str:
    app = APPS[program]
    done = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 0, f"{program} {command} does not exist"
    return done.output


def section(document: str, heading: str) -> str:
    return document.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `?(\w+)`? \|", text, re.MULTILINE)


def test_the_documents_name_many_commands() -> None:
    assert len(all_commands()) > 12


@pytest.mark.parametrize(("program", "command", "rest"), all_commands())
def test_a_command_in_the_documents_exists_with_its_options(program: str, command: str, rest: str) -> None:
    for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest):
        assert re.search(rf"{option}\b", help_of(program, command)), f"{program} {command} has no {option}"
    help_of(program, command)


def test_the_readme_lists_every_setting_and_no_other() -> None:
    listed = first_column(section((ROOT / "README.md").read_text(), "Settings"))
    assert sorted(listed[1:]) == sorted(Settings.model_fields)


def test_the_readme_lists_every_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    given = Settings(kafka_bootstrap_servers="k", redis_url="redis://r").model_dump(mode="json")
    shown = {name: str(default) for name, default in rows}
    wanted = {
        name: f'"{value}"' if isinstance(value, str) else str(value).lower()
        for name, value in given.items()
        if name not in ("kafka_bootstrap_servers", "redis_url")
    }
    assert shown == wanted


def test_the_readme_lists_every_reason_in_the_order_of_judging() -> None:
    listed = first_column(section((ROOT / "README.md").read_text(), "For producers"))
    assert listed[1:] == [reason.value for reason in Reason]


def test_the_readme_lists_every_exit_code() -> None:
    listed = first_column(section((ROOT / "README.md").read_text(), "For operators"))
    assert listed == [str(code.value) for code in Exit]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    document = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake (?:-s )?([a-z]+)\b(?=[`\"\s])", (ROOT / "README.md").read_text())) <= targets
