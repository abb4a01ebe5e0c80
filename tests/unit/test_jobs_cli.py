import pytest
from typer.testing import CliRunner

from jobs.cli import app


def test_the_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.console.version", {"engagement-scoring": "9.8.7"}.__getitem__)
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, "9.8.7\n")


@pytest.mark.parametrize("command", ["daily", "backfill", "explain", "runs", "export"])
def test_every_command_says_what_it_does(command: str) -> None:
    assert f" {command} " in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
