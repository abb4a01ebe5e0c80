import datetime as dt

from jobs.daily import score_days
from jobs.days import COUNT_DAYS, Window
from jobs.explain import Evidence, Explanation, explain
from jobs.figures import figures_of
from jobs.inputs import Inputs
from jobs.narrate import lines
from jobs.scores import activity_of
from schemas.accounts import AccountEntry
from store.account_records import AccountsPart
from store.layout import SlotName
from tests.parts import actions_part, settings_with

AS_OF = dt.date(2025, 6, 30).toordinal()
SLOT = SlotName("t.accounts", 2)
MAY = 1_746_057_600_000


def explained(
    account: str, actions: dict[str, dict[int, int]], *entries: AccountEntry, unscored: tuple[str, ...] = ()
) -> Explanation:
    """Explains one of the accounts whose `actions` are given by days before as_of."""
    window, settings = Window(AS_OF, COUNT_DAYS), settings_with(unscored_statuses=unscored)
    first = [AS_OF - max(ago) if ago else 0 for ago in actions.values()]
    counts = {day: [of.get(AS_OF - day, 0) for of in actions.values()] for day in window.days}
    inputs = Inputs([actions_part(list(actions), first, counts)], [AccountsPart(SLOT, list(entries))])
    activity = activity_of(inputs, window)
    days = score_days(inputs, activity, AS_OF, settings, [])
    figures = figures_of(activity, days, settings.run_config)
    return explain(account, Evidence(inputs, activity, figures, days.yesterday), [])


PEERS = {"a": {20: 1, 3: 28}, "b": {20: 1, 2: 20}, "c": {20: 1, 1: 14}, "tie": {20: 1, 0: 20}, "low": {20: 1, 0: 13}}


def text(explanation: Explanation) -> str:
    return "\n".join(lines(explanation))


def test_a_score_between_is_explained_by_the_accounts_below() -> None:
    found = text(explained("b", PEERS))
    assert "b on 2025-06-30: score 33, rank 2 of 4 ranked accounts without a Status" in found
    assert "1 of the 3 other ranked accounts of the Status have a strictly lower average" in found
    assert "100 x 1 / 3 rounded down is 33" in found
    assert "same average, score and rank as 1 more: tie" in found
    assert "20 actions / 14 days = 1.4286 a day" in found
    assert "2025-06-28         20" in found


def test_the_lowest_ranked_account_gets_at_least_1_and_the_highest_100() -> None:
    assert "rounded down is 0, and a ranked account gets at least 1" in text(explained("c", PEERS))
    assert "the highest average of the 4 ranked accounts of the Status gets 100" in text(explained("a", PEERS))


def test_score_0_is_explained_by_the_average() -> None:
    found = text(explained("low", PEERS))
    assert "score 0, not ranked (4 of 5 accounts without a Status are)" in found
    assert "13 actions in 14 days is under one a day on average" in found


def test_the_days_considered_are_explained_and_the_others_marked() -> None:
    created = AccountEntry(7, 0, "a", effective_at=MAY, status="Gold", created_day=AS_OF - 1)
    found = text(explained("a", PEERS, created))
    assert "2 considered: the account was created on 2025-06-29, 2 days up to 2025-06-30" in found
    assert "Gold, by the account record at t.accounts/2 offset 7, since 2025-05-01T00:00:00Z" in found
    assert "2025-06-27         28  not considered" in found
    assert "2025-06-29          0\n" in found
    early = text(explained("x", {"x": {5: 1}}))
    assert "6 considered: no created_at is known, and the first action was on 2025-06-25" in early


def test_the_figures_of_the_day_before_are_recomputed() -> None:
    assert explained("tie", PEERS).day_before is not None
    assert "day before  score 0, not ranked, 0 actions in 14 days, inactive" in text(explained("tie", PEERS))
    assert "day before  score 50, rank 2 of 3, 20 actions in 14 days" in text(explained("b", PEERS))


def test_an_account_that_is_not_in_the_run_is_told_why() -> None:
    later = AccountEntry(0, 0, "a", created_day=AS_OF + 3)
    assert "created on 2025-07-03, after 2025-06-30" in text(explained("a", PEERS, later))
    null = AccountEntry(9, 0, "a", forgotten=True)
    assert "(t.accounts/2 offset 9) is null, so the account is forgotten" in text(explained("a", PEERS, null))
    tomorrow = AccountEntry(0, 0, "n", effective_at=MAY * 2)
    found = text(explained("n", PEERS, tomorrow))
    assert "n on 2025-06-30: not in the run" in found
    assert "no action was counted, and no account record was in force on 2025-06-30" in found


def test_an_unscored_status_is_named() -> None:
    entry = AccountEntry(0, 0, "a", status="Internal")
    found = text(explained("a", PEERS, entry, unscored=("Internal",)))
    assert "accounts of Status Internal get no score (unscored_statuses)" in found
