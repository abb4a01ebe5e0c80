"""Claims about services that stay: `python -m services up`, `status` and `down`."""

import shlex
import subprocess
from pathlib import Path

import redis

from tests.integration.service_commands import PROJECT, ended, run_services

ONLY_REDIS = {"KAFKA_BOOTSTRAP_SERVERS": "unused:1", "REDIS_URL": ""}
"""An environment in which a Redis is all that is missing."""


def printed_by(*arguments: str, code: int = 0, url: str = "") -> str:
    """Run `python -m services` to its end with this exit code and return what it printed; `url` is REDIS_URL."""
    started = run_services(*arguments, environ=ONLY_REDIS | {"REDIS_URL": url})
    printed, complaint = started.communicate(timeout=60)
    assert started.returncode == code, complaint
    return printed


def test_up_starts_once_keeps_data_over_down_and_down_leaves_no_process(tmp_path: Path) -> None:
    folder = ("--folder", str(tmp_path))
    exports = printed_by("up", *folder)
    try:
        assert printed_by("up", *folder) == exports
        url = shlex.split(exports)[-1].removeprefix("REDIS_URL=")
        pid = int(printed_by("status", *folder).split("process ")[1].split(",")[0])
        with redis.Redis.from_url(url) as client:
            client.set("key", b"kept")
            printed_by("down", *folder)
            assert ended(pid)
            assert printed_by("up", *folder) == exports
            assert client.get("key") == b"kept"
    finally:
        printed_by("down", *folder)
    assert not printed_by("status", *folder, code=1)


def test_up_starts_its_servers_again_in_a_shell_that_still_has_the_exports_of_an_earlier_one(tmp_path: Path) -> None:
    exports = printed_by("up", "--folder", str(tmp_path))
    url = shlex.split(exports)[-1].removeprefix("REDIS_URL=")
    try:
        printed_by("down", "--folder", str(tmp_path))
        assert printed_by("up", "--folder", str(tmp_path), url=url) == exports
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    finally:
        printed_by("down", "--folder", str(tmp_path))


def test_a_redis_of_somebody_else_is_taken_as_it_is_and_none_is_started(tmp_path: Path) -> None:
    printed = printed_by("up", "--folder", str(tmp_path), url="redis://redis.example/3")
    assert "export REDIS_URL=redis://redis.example/3\n" in printed
    printed_by("status", "--folder", str(tmp_path), code=1)


def test_up_with_a_folder_says_a_command_that_stops_what_it_started(tmp_path: Path) -> None:
    folder = tmp_path / "my services"
    started = run_services("up", "--folder", str(folder), environ=ONLY_REDIS)
    try:
        _, hint = started.communicate(timeout=60)
        stop = hint.split("`")[1]
        pid = int(printed_by("status", "--folder", str(folder)).split("process ")[1].split(",")[0])
        subprocess.run(shlex.split(stop), cwd=PROJECT, capture_output=True, timeout=60, check=True)
        assert ended(pid)
    finally:
        printed_by("down", "--folder", str(folder))
