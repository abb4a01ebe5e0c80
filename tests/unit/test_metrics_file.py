"""However a daily run ends, its file says so; what came of the run before is not lost."""

from pathlib import Path

import pytest

from jobs.metrics_file import Outcome, reported
from jobs.phases import Phase, Phases
from schemas.exits import Blocked, ConfigurationError, EngagementError, IncompleteInput, Unavailable, UsageError

KEPT = "engagement_job_last_success_timestamp_seconds 5.0\nengagement_job_accounts 3.0\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.prom"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UsageError("no day"), Outcome.REFUSED),
        (ConfigurationError("no setting"), Outcome.REFUSED),
        (IncompleteInput("behind"), Outcome.INCOMPLETE),
        (Unavailable("no Kafka"), Outcome.UNAVAILABLE),
        (Blocked("decide"), Outcome.BLOCKED),
        (EngagementError("fenced"), Outcome.FAILED),
        (ZeroDivisionError(), Outcome.FAILED),
        (SystemExit(), Outcome.FAILED),
    ],
)
def test_an_error_is_told_by_its_kind_and_goes_on(file: Path, error: BaseException, outcome: Outcome) -> None:
    with pytest.raises(type(error)), reported(file, lambda: 7.0):
        raise error
    lines = file.read_text().splitlines()
    for one in Outcome:
        expected = float(one is outcome)
        assert f'engagement_job_last_run_outcome{{outcome="{one}"}} {expected}' in lines
    assert "engagement_job_last_run_timestamp_seconds 7.0" in lines


@pytest.mark.parametrize("before", [KEPT, KEPT + "# HELP engagement_job_gone .\n"])
def test_a_failed_run_takes_over_the_last_success(file: Path, before: str) -> None:
    file.write_text(before)
    with pytest.raises(Unavailable), reported(file):
        raise Unavailable("no Kafka")
    assert set(KEPT.splitlines()) <= set(file.read_text().splitlines())


@pytest.mark.parametrize("before", [b"{{{", b"\xff\xfe", b"", b"engagement_job_accounts many\n"])
def test_a_file_that_nobody_can_read_is_replaced(file: Path, before: bytes) -> None:
    file.write_bytes(before)
    with pytest.raises(Unavailable), reported(file):
        raise Unavailable("no Kafka")
    assert "engagement_job_accounts" not in file.read_text()


def test_a_folder_that_is_full_or_gone_is_said_and_leaves_no_piece(file: Path) -> None:
    said = r"e\.prom cannot be written: Is a directory; the run itself is over"
    with pytest.raises(EngagementError, match=said), reported(file):
        file.mkdir()
    assert [one.name for one in file.parent.iterdir()] == ["e.prom"]


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    with reported(None):
        pass
    assert not list(tmp_path.iterdir())


def test_the_time_of_a_phase_counts_as_often_as_it_is_reached_and_where_it_fails() -> None:
    moments = iter([0.0, 1.0, 10.0, 12.0])
    phases = Phases(lambda: next(moments))
    with phases.timed(Phase.CONNECT):
        pass
    with pytest.raises(Unavailable), phases.timed(Phase.CONNECT):
        raise Unavailable("no Kafka")
    assert phases.seconds == {
        Phase.CONNECT: 3.0,
        Phase.WAIT: 0.0,
        Phase.READ: 0.0,
        Phase.SCORE: 0.0,
        Phase.PUBLISH: 0.0,
    }
