import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from store.logs import configure_logs


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def test_a_log_line_is_one_json_object_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("auto")
    structlog.get_logger().info("checkpoint", slot="t.actions/3", offset=7)
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["event"], line["level"], line["slot"], line["offset"]) == ("checkpoint", "info", "t.actions/3", 7)
    assert line["timestamp"].endswith("Z")


def test_what_libraries_log_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    logging.getLogger("librdkafka").warning("FAIL: %s", "broker down")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("FAIL: broker down", "warning")


def test_an_exception_stays_within_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    try:
        int("no number")
    except ValueError:
        structlog.get_logger().exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ValueError: invalid literal" in json.loads(lines[0])["exception"]


def test_for_people_a_line_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("console")
    structlog.get_logger().info("checkpoint", offset=7)
    text = capsys.readouterr().err
    assert "checkpoint" in text
    assert "offset=7" in text
