from dataclasses import replace

import msgspec
import pytest

from jobs.publish import Decision, decide, newly_forgotten, refuse_older, score_values
from schemas.accounts import AccountEntry
from schemas.exits import Exit, UsageError
from schemas.manifest import Manifest, RunConfig
from schemas.scores import Weighted, encode
from store.account_records import AccountRecords, AccountsPart, records_in_force
from store.layout import SlotName
from tests.parts import score_body

CONFIG = RunConfig("UTC", "actions", 3, 400, (), {}, (), ())
FIRST = Manifest("r0", "2025-06-29", 0, 1, "v1", CONFIG, {"t.accounts/0": 10}, {}, "d1")


def after(run: Manifest, **changes: str | int) -> Manifest:
    return msgspec.structs.replace(run, **changes)


def test_the_first_run_of_a_day_is_revision_0() -> None:
    assert decide("2025-06-29", "v1", "d1", []) == Decision(0)
    assert decide("2025-06-30", "v1", "d1", [FIRST]) == Decision(0)


def test_the_same_day_configuration_and_digest_as_the_newest_run_publish_nothing() -> None:
    assert decide("2025-06-29", "v1", "d1", [FIRST]) == Decision(0, FIRST)


@pytest.mark.parametrize(("version", "digest"), [("v2", "d1"), ("v1", "d2")])
def test_other_figures_or_another_configuration_are_the_next_revision(version: str, digest: str) -> None:
    assert decide("2025-06-29", version, digest, [FIRST]) == Decision(1)


def test_figures_that_went_back_to_those_of_an_older_revision_are_published_again() -> None:
    runs = [FIRST, after(FIRST, revision=1, digest="d2")]
    assert decide("2025-06-29", "v1", "d1", runs) == Decision(2)


def test_a_day_older_than_the_newest_run_is_refused_as_wrong_usage() -> None:
    refuse_older("2025-06-29", [FIRST])
    refuse_older("2025-06-30", [FIRST])
    with pytest.raises(UsageError, match="2025-06-28 is older than the newest published run"):
        refuse_older("2025-06-28", [FIRST])
    assert UsageError.exit is Exit.USAGE


def records(*entries: AccountEntry) -> tuple[AccountRecords, list[AccountsPart]]:
    parts = [AccountsPart(SlotName("t.accounts", 0), list(entries))]
    return records_in_force(parts, 1_000), parts


def null(offset: int, account: str) -> AccountEntry:
    return AccountEntry(offset, 0, account, forgotten=True)


def test_accounts_forgotten_since_the_newest_run_get_a_null_once() -> None:
    log = [null(9, "old"), null(10, "z"), null(11, "back"), null(12, "z"), null(13, "b"), AccountEntry(14, 0, "back")]
    assert newly_forgotten(*records(*log), [FIRST]) == ["b", "z"]


def test_after_a_gap_every_forgotten_account_gets_a_null_as_its_offset_may_be_of_another_topic() -> None:
    found, (part,) = records(null(3, "z"))
    assert newly_forgotten(found, [part], [FIRST]) == []
    assert newly_forgotten(found, [replace(part, gapped=True)], [FIRST]) == ["z"]


def test_without_a_run_before_there_is_nothing_to_take_back() -> None:
    assert newly_forgotten(*records(null(10, "z")), []) == []


@pytest.mark.parametrize("account", ["a", 'quo"te', "\\", "é😀", "\x7f"])
def test_published_values_are_those_of_the_record_type(account: str) -> None:
    bodies = [
        score_body(account, as_of=FIRST.as_of, average_daily_actions=1 / 3, weighted_score=Weighted("v", 5)),
        score_body(account, as_of=FIRST.as_of, status=account, score=100, rank=1, average_daily_actions=1e22),
    ]
    expected = [encode(body.record(FIRST.run_id, FIRST.revision)) for body in bodies]
    assert list(score_values(FIRST, bodies)) == expected
