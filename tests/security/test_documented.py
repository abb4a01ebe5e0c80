"""What docs/security.md shows is what works."""

import re
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML
from typer.main import get_command

from jobs.cli import app as jobs
from schemas.settings import load_settings
from store.connect import connect_redis, kafka_config
from stream.cli import app as stream
from tests.security.certificates import Authority
from tests.security.granted import DOCUMENT, Grant, shell_block

ROOT = Path(__file__).parents[2]
COMMANDS = re.compile(r"^# (.*)$", re.MULTILINE)


def names(app: typer.Typer) -> set[str]:
    commands: dict[str, object] = vars(get_command(app))["commands"]
    return set(commands)


def test_the_settings_that_are_shown_are_taken(tmp_path: Path) -> None:
    shown = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    authority = Authority(tmp_path / "authority")
    file = tmp_path / "engagement.toml"
    file.write_text(shown[0].replace("/etc/engagement/ca.pem", str(authority.file)))
    settings = load_settings({"ENGAGEMENT_CONFIG": str(file)})
    connect_redis(settings).close()
    assert kafka_config(settings)["security.protocol"] == "SASL_SSL"


def test_every_command_has_its_rights(granted: dict[str, Grant]) -> None:
    headings = COMMANDS.findall(shell_block("Rights"))
    shown = {name for heading in headings for name in re.findall(r"engagement-\w+ ([\w-]+)", heading)}
    assert shown == (names(stream) | names(jobs)) - {"check"}
    assert len(granted) == len(headings)


@pytest.mark.parametrize("service", ["kafka", "redis"])
def test_compose_publishes_servers_to_this_machine_alone(service: str) -> None:
    services = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services[service]["ports"]
    published = [port for one in services.values() for port in one.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_does_not_run_as_root() -> None:
    last = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", maxsplit=1)[-1]
    assert re.search(r"^USER engagement$", last, re.MULTILINE)
    assert re.search(r"useradd .*--uid 10001 .*engagement", last)
