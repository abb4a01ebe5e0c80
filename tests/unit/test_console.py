import io

import msgspec
import pytest
import typer

from schemas.exits import Blocked, ConfigurationError, EngagementError, IncompleteInput
from store.console import run_app, write_json, write_table


def ends(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["name"])
        with pytest.raises(SystemExit) as ended:
            run_app(app, "name")
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngagementError("what"), 1),
        (Blocked("what"), 1),
        (ConfigurationError("what"), 2),
        (IncompleteInput("what"), 3),
    ],
)
def test_an_expected_error_is_one_line_and_its_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(error, capsys) == (code, "", "error: what\n")


def test_an_error_stays_on_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(EngagementError("first\nsecond\r\n"), capsys)[2] == "error: first second\n"


def test_wrong_usage_names_the_option_and_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ends(typer.BadParameter("not a number", param_hint="--n"), capsys)
    assert (code, out) == (2, "")
    assert err == "error: Invalid value for --n: not a number; see `name --help`\n"


def test_an_exit_code_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(typer.Exit(3), capsys) == (3, "", "")


def test_a_table_cuts_nothing_and_aligns_numbers_right() -> None:
    out = io.StringIO()
    write_table(out, ("name", "n", "note"), [("x" * 300, 5, ""), ("y", None, "why")])
    first, second, third = out.getvalue().splitlines()
    assert first == "name" + " " * 298 + "n  note"
    assert second == "x" * 300 + "  5"
    assert third == "y" + " " * 301 + "-  why"


def test_json_is_one_record_a_line_in_field_order() -> None:
    class Row(msgspec.Struct):
        b: int
        a: str | None

    out = io.StringIO()
    write_json(out, [Row(1, None), Row(2, "ü\n")])
    assert out.getvalue() == '{"b":1,"a":null}\n{"b":2,"a":"ü\\n"}\n'
