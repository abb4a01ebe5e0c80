"""The checker's own decision: by the cases of the contracts, and the same on both of its ways."""

from datetime import UTC, datetime
from random import Random

import pytest

from tests.acceptance.poison import IN_FUTURE, Case, account_cases, action_cases
from tests.faults.checker.decision import account, action, exact_action, surely_good
from tests.faults.checker.moments import days_of
from tests.faults.checker.report import Rules
from tests.faults.fuzz.corpus import action_corpus
from tests.faults.fuzz.mutations import mutant

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
RULES = Rules()
MUTANTS = 20_000


def reason(said: object) -> str | None:
    return said if isinstance(said, str) else None


@pytest.mark.parametrize("case", list(action_cases(NOW)), ids=lambda case: case.name)
def test_an_action_is_taken_or_refused_as_the_contracts_say(case: Case) -> None:
    expected = None if case.reason == IN_FUTURE else case.reason  # which depends on the record's own timestamp
    assert reason(action(case.value, RULES)) == expected


@pytest.mark.parametrize("case", list(account_cases(NOW)), ids=lambda case: case.name)
def test_an_account_record_is_taken_or_refused_as_the_contracts_say(case: Case) -> None:
    assert reason(account(case.key, case.value, RULES, days_of("UTC"))) == case.reason


def test_what_the_fast_way_takes_the_exact_way_takes_and_reads_alike() -> None:
    random = Random(1)
    corpus = [value for _, value in action_corpus(NOW) if value]
    values = [mutant(random, value, corpus) or b"" for value in random.choices(corpus, k=MUTANTS)]
    taken = {value: said for value in values if (said := surely_good(value)) is not None}
    assert len(taken) > MUTANTS // 50
    assert {value: exact_action(value, RULES) for value in taken} == taken
