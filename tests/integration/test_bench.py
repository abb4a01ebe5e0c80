"""The bench measures what it says, tried on a small load."""

import subprocess
import sys


def test_the_bench_measures_every_layer(settings_env: dict[str, str]) -> None:
    environment = {name: value for name, value in settings_env.items() if name != "ENGAGEMENT_TOPIC_PREFIX"}
    small = ["--events", "50000", "--slow-seconds", "2", "--accounts", "20000"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", *small],
        env=environment,
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for figure in (
        "consume",
        "decode",
        "fold",
        "pipeline",
        "Redis CPU / worker CPU",
        "at 1,000 events/s",
        "start with",
    ):
        assert figure in done.stdout
