from pathlib import Path

import pytest

from jobs.weights_file import parse_weights, read_weights
from schemas.exits import Exit, UsageError


@pytest.mark.parametrize("text", ['export = 5\n"log in" = 100\n', ' {"export": 5, "log in": 100}'])
def test_toml_and_json_say_the_same(text: str, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_text(text)
    assert read_weights(file) == {"export": 5, "log in": 100}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("export = 0", "export is 0: expected a whole number from 1 to 100; correct it"),
        ("export = 101", "export is 101: "),
        ("export = 1.0", r"export is 1\.0: "),
        ("export = true", "export is True: "),
        ('export = "5"', "export is '5': "),
        ('{"export": null}', "export is None: "),
        ('"" = 5', "is 5: an action has 1 to 256 characters"),
        ("[weights]\nexport = 5", "weights is .*: expected a weight, not a table; write one table"),
        ("", "no weights in it; write one table"),
        ("{}", "no weights in it"),
        ("export: 5", "not valid TOML .*; write one table"),
        ('{"export": 5', "not valid JSON .*; write one table"),
        ('{"export": 5, "export": 6}', "export is there twice"),
        ("export = 5\nexport = 6", "not valid TOML"),
        ('{"a":' * 100_000, "nested too deep|not valid JSON"),
    ],
)
def test_what_is_wrong_is_named_with_key_value_and_fix(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_weights(text)


def test_a_file_that_cannot_be_used_is_wrong_usage_on_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_weights(bad)
    with pytest.raises(UsageError, match="No such file or directory; correct the path"):
        read_weights(tmp_path / "none.toml")
    bad.write_text('"a\\nb" = 0')
    with pytest.raises(UsageError, match=r"a\\nb is 0") as refused:
        read_weights(bad)
    assert "\n" not in str(refused.value)
    assert refused.value.exit is Exit.USAGE
