"""Prometheus' own tool runs the rules on the cases of deploy/prometheus/tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROMETHEUS = Path(__file__).parents[2] / "deploy/prometheus"


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on the PATH (Debian: prometheus)")
    return found


def run(promtool: str, *arguments: str | Path) -> str:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_valid(promtool: str) -> None:
    files = sorted(PROMETHEUS.glob("*.rules.yml"))
    said = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files)
    assert said.count("SUCCESS") == len(files) == 2


@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_alerts_fire_where_they_must_and_nowhere_else(promtool: str, file: Path) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", file)


def test_a_case_that_is_wrong_is_noticed(promtool: str, tmp_path: Path) -> None:
    text = (PROMETHEUS / "tests/redis.yml").read_text()
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text.replace("../", f"{PROMETHEUS}/").replace("1x10 0x20", "1x30"))
    with pytest.raises(AssertionError, match="FAILED"):
        run(promtool, "test", "rules", wrong)
