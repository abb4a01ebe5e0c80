import datetime as dt
import subprocess
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest

from jobs.columns import flatten
from jobs.table_file import check_target, write_columns
from schemas.exits import EngagementError, Exit, UsageError
from schemas.manifest import RunConfig
from schemas.scores import Adoption, LicenseAdoption, ScoreBody, Weighted, WindowShares
from tests.parts import score_body

ROOT = Path(__file__).parents[2]
PLAIN = RunConfig("UTC", "actions", 3, 400, (), {}, (), ())
FULL = msgspec.structs.replace(PLAIN, weights={"export": 5}, login_actions=("login",), feature_actions=("export",))
BODIES = [
    score_body(
        'a,"b\né',
        status="Gold",
        score=50,
        license_utilization=WindowShares(1.5, 2, 3, 4, 5, 6),
        weighted_score=Weighted("v", 35),
        adoption=Adoption(LicenseAdoption(1.5, 3, 5), None, {"export": 0.5}),
    ),
    score_body("b", weighted_score=Weighted("v", 0), adoption=Adoption(None, 1 / 3, {"export": None})),
]


def test_the_names_of_the_columns_are_the_same_whatever_is_configured() -> None:
    plain = [column.name for column in flatten([], PLAIN)]
    full = [column.name for column in flatten(BODIES, FULL)]
    assert plain == [name for name in full if name != "adoption_feature_export"]
    assert len(set(full)) == len(full)
    for name in ("as_of", "account_id", "time_spent_minutes_14", "active_users_90", "weighted_score", "change_own"):
        assert name in plain


def test_every_field_of_the_record_is_in_a_column() -> None:
    names = [column.name for column in flatten([], PLAIN)]
    for field in ScoreBody.__struct_fields__:
        assert any(name == field or name.startswith(f"{field}_") for name in names), field


@pytest.mark.parametrize("name", ["out.parquet", "OUT.CSV"])
def test_a_file_holds_the_figures_as_they_are(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("older")
    write_columns(flatten(BODIES, FULL), file)
    frame = pl.read_parquet(file) if name.endswith("parquet") else pl.read_csv(file, try_parse_dates=True)
    first, second = frame.to_dicts()
    assert (first["as_of"], first["account_id"], first["status"]) == (dt.date(2025, 6, 30), 'a,"b\né', "Gold")
    assert (first["time_spent_minutes_7"], first["license_utilization_1"], first["weighted_score"]) == (2, 1.5, 35)
    assert (first["adoption_licenses_30"], first["adoption_feature_export"]) == (5.0, 0.5)
    assert (second["status"], second["rank"], second["adoption_licenses_1"]) == (None, None, None)
    assert second["adoption_minutes_per_login"] == 1 / 3
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_types_do_not_depend_on_what_is_there(tmp_path: Path) -> None:
    write_columns(flatten([], PLAIN), tmp_path / "none.parquet")
    write_columns(flatten(BODIES, PLAIN), tmp_path / "some.parquet")
    schema = pl.read_parquet_schema(tmp_path / "none.parquet")
    assert schema == pl.read_parquet_schema(tmp_path / "some.parquet")
    assert schema["rank"] == pl.Int64
    assert schema["as_of"] == pl.Date


def test_a_target_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    check_target(tmp_path / "x.csv")
    (tmp_path / "folder.csv").mkdir()
    for path, says in {"x.xlsx": "neither in", "folder.csv": "is a folder", "none/x.csv": "no folder"}.items():
        with pytest.raises(UsageError, match=says) as refused:
            check_target(tmp_path / path)
        assert refused.value.exit is Exit.USAGE


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "x.csv"
    file.write_text("older")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EngagementError, match="No space left on device; nothing was changed"):
        write_columns(flatten(BODIES, FULL), file)
    assert [one.name for one in tmp_path.iterdir()] == ["x.csv"]
    assert file.read_text() == "older"


def test_commands_start_without_the_library_that_writes_files() -> None:
    check = "import sys, jobs.cli; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
