"""Records to mutate: those on both sides of the border, and whole ones that say everything that a record can say."""

from datetime import UTC, datetime

from tests.acceptance.poison import account_cases, action_cases
from tests.property.json_values import WHOLE

Keyed = tuple[bytes | None, bytes]
"""The key of a record of the accounts topic, and its value."""

LARGEST = 3_000
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def action_corpus(now: datetime = NOW) -> list[Keyed]:
    """Values of the actions topic, good ones as of ``now``; keys mean nothing there."""
    cases = [case.value for case in action_cases(now) if case.value is not None and len(case.value) <= LARGEST]
    return [(None, value) for value in (*WHOLE, *cases)]


def account_corpus(now: datetime = NOW) -> list[Keyed]:
    """Records of the accounts topic."""
    cases = [
        (case.key, case.value) for case in account_cases(now) if case.value is not None and len(case.value) <= LARGEST
    ]
    return [(b"a", value) for value in WHOLE] + cases
