import io

from jobs.daily import Run
from jobs.report import TOP, print_report, top_by_status
from schemas.manifest import Cohort, Manifest, RunConfig
from schemas.scores import ScoreBody
from tests.parts import score_body

CONFIG = RunConfig("UTC", "actions", 3, 400, (), {}, (), ())


def body(account: str, status: str | None, rank: int | None, average: float = 2.5) -> ScoreBody:
    score = None if rank is None else 100 - rank
    return score_body(
        account,
        status=status,
        score=score,
        rank=rank,
        cohort_size=7,
        accounts_in_status=9,
        average_daily_actions=average,
        actions=35,
        usage_frequency="daily",
        active_days=12,
    )


BODIES = [body(f"{i}.com", "Gold", 9 - i) for i in range(1, 9)] + [body("[x]", None, None), body("y", "Ärzte", 1)]
COHORTS = {"Gold": Cohort(9, 7), "": Cohort(1, 0), "Ärzte": Cohort(1, 1)}
MANIFEST = Manifest("cafe", "2025-06-30", 2, 10, "v", CONFIG, {}, COHORTS, "d")


def printed(run: Run, *, dry_run: bool = False) -> str:
    out = io.StringIO()
    print_report(run, out, dry_run=dry_run)
    return out.getvalue()


def test_statuses_come_by_name_and_accounts_without_one_last() -> None:
    assert [status for status, _ in top_by_status(BODIES)] == ["Gold", "Ärzte", None]


def test_the_most_active_accounts_of_each_status_come_first() -> None:
    gold = top_by_status(BODIES)[0][1]
    assert [one.account_id for one in gold][:2] == ["8.com", "7.com"]
    text = printed(Run(MANIFEST, BODIES, repeated=False))
    assert "Status Gold: 9 accounts, 7 ranked" in text
    assert f"{9 - TOP}.com" in text
    assert f"{8 - TOP}.com" not in text


def test_names_are_printed_as_they_are() -> None:
    assert "[x]" in printed(Run(MANIFEST, BODIES, repeated=False))


def test_the_summary_says_what_became_of_the_run() -> None:
    run = Run(MANIFEST, BODIES, repeated=False)
    assert "2025-06-30: 10 accounts, 8 ranked in 3 cohorts" in printed(run)
    assert "published as run cafe, revision 2" in printed(run)
    assert "nothing published: dry run" in printed(run, dry_run=True)
    assert "the newest run says the same (run cafe, revision 2)" in printed(Run(MANIFEST, BODIES, repeated=True))


def test_a_run_without_accounts_has_a_summary() -> None:
    assert "0 accounts" in printed(Run(Manifest("r", "2025-06-30", 0, 0, "v", CONFIG, {}, {}, "d"), [], repeated=False))
