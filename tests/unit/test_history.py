import io

import msgspec

from jobs.history import Difference, config_changes, print_runs, run_rows
from schemas.manifest import Cohort, Manifest, RunConfig
from store.runs import Published

CONFIG = RunConfig("UTC", "actions", 3, 400, (), {"export": 5, "view": 1}, (), ())
FIRST = Manifest("r0", "2025-06-29", 0, 9, "v1", CONFIG, {}, {"Gold": Cohort(5, 3), "": Cohort(4, 1)}, "d" * 64)
OTHER = msgspec.structs.replace(
    CONFIG, score_basis="time_spent", weights={"export": 7, "share": 2}, login_actions=("login", "sso")
)
SECOND = msgspec.structs.replace(FIRST, run_id="r1", as_of="2025-06-30", config_version="v2", config=OTHER)
RUNS = [Published(FIRST, 1_751_241_600_999), Published(SECOND, 1_751_328_000_000)]


def test_what_differs_from_the_run_before_is_named_by_setting_and_weight() -> None:
    assert config_changes(CONFIG, OTHER) == {
        "score_basis": Difference("actions", "time_spent"),
        "login_actions": Difference((), ("login", "sso")),
        "weights.export": Difference(5, 7),
        "weights.share": Difference(None, 2),
        "weights.view": Difference(1, None),
    }
    assert config_changes(CONFIG, CONFIG) == {}


def test_a_run_is_a_row_with_the_time_of_its_record() -> None:
    first, second = run_rows(RUNS)
    assert (first.as_of, first.published_at, first.config_changes) == ("2025-06-29", "2025-06-30T00:00:00Z", {})
    assert (second.run_id, second.config_version, second.digest) == ("r1", "v2", "d" * 64)
    assert second.config_changes
    assert run_rows([]) == []


def test_the_table_shows_cohorts_and_changes_in_words() -> None:
    out = io.StringIO()
    print_runs(run_rows(RUNS), out)
    assert "no Status 1/4, Gold 3/5" in out.getvalue()
    assert (
        "score_basis: actions -> time_spent; login_actions: [] -> [login, sso]; weights.export: 5 -> 7"
        in out.getvalue()
    )
    assert "weights.share: none -> 2; weights.view: 1 -> none" in out.getvalue()


def test_no_run_yet_is_said() -> None:
    out = io.StringIO()
    print_runs([], out)
    assert out.getvalue() == "nothing was published yet\n"
