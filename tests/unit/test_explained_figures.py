import dataclasses
import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from jobs.daily import score_days
from jobs.days import COUNT_DAYS, Window
from jobs.explain import Evidence, Explanation, explain
from jobs.figures import figures_of
from jobs.inputs import ActionsPart, Inputs
from jobs.narrate import lines, print_explanation
from jobs.scores import activity_of
from schemas.accounts import AccountEntry
from schemas.manifest import Manifest
from store.account_records import AccountsPart
from store.layout import SlotName
from tests.parts import actions_part, settings_with

AS_OF = dt.date(2025, 6, 30).toordinal()
TODAY = 1_751_241_600_000
"""The first instant of AS_OF."""


def part_of(done: dict[str, dict[str, dict[int, int]]], spent: dict[str, dict[int, int]]) -> ActionsPart:
    """A slot by account, action and days before AS_OF; `spent` are minutes by account and days before it."""
    names = list(done)
    actions = sorted({action for by_action in done.values() for action in by_action})
    pairs = [(names.index(name), actions.index(action)) for name in names for action in done[name]]
    cells = [done[names[account]][actions[action]] for account, action in pairs]
    counts = {day: [cell.get(AS_OF - day, 0) for cell in cells] for day in Window(AS_OF, COUNT_DAYS).days}
    first = [
        AS_OF - max((ago for cell in by_action.values() for ago in cell), default=AS_OF) for by_action in done.values()
    ]
    minutes = {
        day: np.array([spent.get(name, {}).get(AS_OF - day, 0) for name in names]) for day in Window(AS_OF, 90).days
    }
    part = actions_part(names, first, counts, series=[account for account, _ in pairs])
    of_action = np.array([action for _, action in pairs], np.uint32)
    return dataclasses.replace(part, of_action=of_action, actions=actions, minutes=minutes)


def explained(
    account: str,
    parts: Sequence[ActionsPart],
    *entries: AccountEntry,
    runs: Sequence[Manifest] = (),
    **changes: object,
) -> Explanation:
    settings = settings_with(**changes)
    inputs = Inputs(list(parts), [AccountsPart(SlotName("t.accounts", 0), list(entries))])
    activity = activity_of(inputs, Window(AS_OF, COUNT_DAYS))
    days = score_days(inputs, activity, AS_OF, settings, runs)
    figures = figures_of(activity, days, settings.run_config)
    return explain(account, Evidence(inputs, activity, figures, days.yesterday), [])


def published(**changes: object) -> Manifest:
    config = settings_with(**changes).run_config
    return Manifest("r", "2025-06-29", 0, 1, "v", config, {}, {}, "d")


def text(explanation: Explanation, *, blocks: bool = True) -> str:
    return "\n".join(lines(explanation, blocks=blocks))


SPENT = part_of(
    {"a": {"act": {20: 1, 0: 30}}, "b": {"act": {20: 1, 1: 20}}, "c": {"act": {20: 1}}, "d": {"act": {20: 1, 2: 3}}},
    {"a": {0: 7, 40: 90}, "b": {1: 5}, "d": {2: 5}},
)


def test_time_spent_is_told_by_window_and_day() -> None:
    found = text(explained("a", [SPENT]))
    assert (
        "time spent  7 minutes on the day; 7 in 3 days, 7 in 7 days, 7 in 14 days, 7 in 30 days, 97 in 90 days" in found
    )
    assert "users       0 active users on the day" in found
    assert ".............█  minutes, most on 2025-06-30: 7" in found


def test_figures_of_several_slots_are_one_account() -> None:
    one, two = (part_of({"a": {"open": {0: n}}}, {"a": {0: n}}) for n in (3, 4))
    found = explained("a", [one, two], weights={"open": 2})
    assert (found.days[-1].actions, found.days[-1].minutes) == (7, 7)
    assert "weighted    14 with weights" in text(found)
    assert ": open 7 x 2" in text(found)


def test_a_score_by_time_spent_speaks_of_minutes() -> None:
    basis: dict[str, Any] = {"score_basis": "time_spent"}
    most = text(explained("a", [SPENT], **basis))
    assert "a on 2025-06-30: score 100, rank 1 of 4 accounts without a Status by time spent" in most
    assert "the most minutes in 14 days of all 4 accounts of the Status, 7, get 100" in most
    between = text(explained("b", [SPENT], **basis))
    assert (
        "1 of the 3 other accounts of the Status spent fewer minutes in 14 days: 100 x 1 / 3 rounded down is 33"
        in between
    )
    assert "same minutes, score and rank as 1 more: d" in between
    nothing = text(explained("c", [SPENT], **basis))
    assert "c on 2025-06-30: score 0, no rank among 4 accounts without a Status by time spent" in nothing
    assert "no minute was spent in 14 days, which gives 0 whatever the peers do" in nothing
    assert "ties" not in nothing


def test_minutes_fewer_than_all_others_round_down_to_0() -> None:
    few = part_of({name: {"act": {20: 1}} for name in "xyz"}, {"x": {0: 1}, "y": {0: 2}, "z": {0: 3}})
    found = text(explained("x", [few], score_basis="time_spent"))
    assert (
        "0 of the 2 other accounts of the Status spent fewer minutes in 14 days: 100 x 0 / 2 rounded down is 0" in found
    )


def test_licences_are_told_with_their_number() -> None:
    licensed = AccountEntry(0, 0, "a", licenses=200)
    assert "licences    200, of which in use 0% on the day; 0% in 3 days" in text(explained("a", [SPENT], licensed))
    none = AccountEntry(0, 0, "a", licenses=0)
    assert "licences    0, so no utilisation" in text(explained("a", [SPENT], none))
    assert "licences    none known, so no utilisation" in text(explained("a", [SPENT]))


def test_the_weighted_score_is_told_by_action_what_adds_most_first() -> None:
    done = {"a": {"export": {0: 3}, "view": {0: 100, 14: 50}, "login": {1: 2}}}
    found = text(explained("a", [part_of(done, {})], weights={"export": 50, "view": 1, "rare": 9}))
    assert "weighted    250 with weights" in found
    assert ": export 3 x 50, view 100 x 1" in found
    assert "weighted" not in text(explained("a", [part_of(done, {})]))


def test_adoption_is_told_as_amounts_per_login() -> None:
    part = part_of({"a": {"login": {0: 4}, "sso": {6: 4, 7: 9}, "export": {3: 2}}}, {"a": {0: 34}})
    config: dict[str, Any] = {"login_actions": ["login", "sso"], "feature_actions": ["export", "share"]}
    found = text(explained("a", [part], AccountEntry(0, 0, "a", licenses=8), **config))
    assert "adoption    0% of the licences in use on the day, 0% in 7 days, 0% in 30 days; 8 logins in 7 days" in found
    assert "minutes: 34 / 8 = 4.25 per login" in found
    assert "export: 2 / 8 = 0.25 per login" in found
    assert "share: 0 / 8 = 0 per login" in found
    without = text(explained("a", [part], login_actions=["never"]))
    assert "no licences; 0 logins in 7 days" in without
    assert "minutes: 34, none per login without logins" in without


def test_a_part_of_its_own_days_and_one_of_its_peers_are_told_with_the_figures_behind_them() -> None:
    done = {"a": {"act": {20: 1, 0: 30}}, "b": {"act": {20: 1, 1: 20}}, "c": {"act": {20: 1, 1: 15, 0: 40}}}
    rise = text(explained("a", [part_of(done, {})]))
    assert "change      +50 since the day before, from 0 to 50" in rise
    assert (
        "own days +100: 30 actions in 14 days, 0 actions in 14 days the day before; the last day has 30 actions, "
        in rise
    )
    assert "the one that left the window had 0" in rise
    assert (
        "peers -50: today's average beat 2 of 2 other ranked accounts without a Status as they were the day before, "
        in rise
    )
    assert "and 1 of 2 as they are now" in rise


def test_a_change_of_status_is_told() -> None:
    done = {name: {"act": {20: 1, 1: n}} for name, n in {"a": 20, "b": 30, "c": 15}.items()}
    gold = [AccountEntry(place, 0, name, status="Gold") for place, name in enumerate(done)]
    moved = AccountEntry(3, 0, "a", effective_at=TODAY, status="Silver")
    found = text(explained("a", [part_of(done, {})], *gold, moved))
    assert "change      +50 since the day before, from 50 to 100" in found
    assert "Status +50: the Status went from Gold to Silver, so the peers are others" in found


def test_a_change_of_configuration_is_told_and_no_score_counts_as_0() -> None:
    found = text(explained("b", [SPENT], runs=[published()], score_basis="time_spent"))
    assert "settings +32: score_basis went from actions to time_spent" in found
    gold = AccountEntry(0, 0, "a", status="Gold")
    dropped = text(explained("a", [SPENT], gold, runs=[published()], unscored_statuses=["Gold"]))
    assert "settings -100: unscored_statuses is another than the day before" in dropped
    assert "(no score counts as 0)" in dropped


def test_the_parts_told_add_up_to_the_change() -> None:
    for account in "abcd":
        found = explained(account, [SPENT])
        assert found.figures
        change = found.figures.change
        assert sum(part.points for part in found.change) == (found.figures.score or 0) - (change.previous or 0)


def test_an_account_that_is_new_is_told_so() -> None:
    new = part_of({"n": {"act": {0: 5}}, "o": {"act": {20: 1, 1: 20}}}, {})
    found = text(explained("n", [new]))
    assert "own days +100: the account was not in the run of the day before" in found
    assert "day before  not in the run" in found


def test_an_output_that_has_no_blocks_gets_digits() -> None:
    bars = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_explanation(explained("a", [SPENT]), bars)
    bars.seek(0)
    assert ".............9  actions, most on 2025-06-30: 30" in bars.read()
