"""The oracle itself has to be right before the engine is measured by it."""

from datetime import date

import pytest

from tests.acceptance import sample
from tests.acceptance.engine import known
from tests.acceptance.oracle import AccountRecord
from tests.acceptance.plain_scores import Rules, expected_scores


@pytest.mark.parametrize("as_of", sample.DAYS)
def test_the_oracle_finds_what_somebody_else_found_for_the_sample(as_of: str) -> None:
    assert known(sample.figures(as_of).values(), besides=["change"]) == sample.expected(as_of)


def action(account_id: str, timestamp: str) -> dict[str, object]:
    return {"account_id": account_id, "action": "click", "timestamp": timestamp}


def test_a_forgotten_account_is_in_no_run_until_a_later_record_brings_it_back() -> None:
    clicks = [action("a", "2024-05-01T00:00:00Z")]
    gone = [AccountRecord("a", {"account_id": "a", "status": "Gold"}, (1, 0, 0)), AccountRecord("a", None, (2, 0, 1))]
    assert expected_scores(clicks, gone, date(2024, 5, 1)) == {}
    later = {"account_id": "a", "status": "Silver", "effective_at": "2024-06-01T00:00:00Z"}
    back = [*gone, AccountRecord("a", later, (3, 0, 2))]
    assert expected_scores(clicks, back, date(2024, 5, 1))["a"]["status"] is None
    assert expected_scores(clicks, back, date(2024, 6, 1))["a"]["status"] == "Silver"


def test_days_follow_the_time_zone_even_where_midnight_does_not_exist() -> None:
    # Brazil skipped 00:00-01:00 on 4 November 2018: 02:59:59Z is the 3rd, 03:00:00Z the 4th.
    clicks = [action("a", "2018-11-04T02:59:59Z"), action("a", "2018-11-04T03:00:00Z")]
    run = expected_scores(clicks, [], date(2018, 11, 3), Rules(timezone="America/Sao_Paulo"))
    assert run["a"]["actions"] == 1
    assert expected_scores(clicks, [], date(2018, 11, 4), Rules(timezone="America/Sao_Paulo"))["a"]["active_days"] == 2


def test_ties_share_score_and_rank_and_an_average_under_one_gets_nothing() -> None:
    clicks = [action(name, "2024-05-01T10:00:00Z") for name in ("a", "a", "b", "b", "c")]
    accounts = [AccountRecord("d", {"account_id": "d", "created_at": "2024-04-30"})]
    run = expected_scores(clicks, accounts, date(2024, 5, 1))
    found = {name: (run[name]["score"], run[name]["rank"], run[name]["cohort_size"]) for name in run}
    assert found == {"a": (100, 1, 3), "b": (100, 1, 3), "c": (1, 3, 3), "d": (0, None, 3)}
