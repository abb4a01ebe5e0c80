"""All figures of a run, from the bytes of the two logs on, against a plain reading with sets and fractions."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.daily import users_of
from schemas.manifest import Manifest, RunConfig
from schemas.scores import encode
from schemas.settings import Settings
from tests.acceptance.engine import known
from tests.acceptance.oracle import AccountRecord, Figures, Json, read_actions
from tests.acceptance.plain_scores import Rules, expected_scores, within
from tests.folded import Laid, count_logs
from tests.parts import figures_for, settings_with

PARTITIONS = 3
ACCOUNTS = ("a", "b", "ü", "c")
ACTIONS = ("login", "save", "Öffnen", "other")
STATUSES = ("Gold", "gold", "Hidden", None)
CHANGES = {  # days of 25 and of 23 hours, a day without midnight, and a leap day
    "Europe/Berlin": [dt.date(2023, 10, 29), dt.date(2024, 3, 31)],
    "America/Sao_Paulo": [dt.date(2018, 11, 4), dt.date(2018, 2, 17)],
    "Australia/Lord_Howe": [dt.date(2024, 4, 7), dt.date(2023, 10, 1)],
    "UTC": [dt.date(2024, 2, 29), dt.date(2023, 12, 31)],
}
QUARTERS = 3 * 24 * 4


@st.composite
def moments(draw: st.DrawFn, around: dt.date) -> dt.datetime:
    """Near the edges of the days before `around`, mostly few of them, so that minutes, days and users meet again."""
    ago = draw(st.one_of(st.integers(-1, 4), st.integers(-1, 100)))
    midnight = dt.datetime(around.year, around.month, around.day, tzinfo=dt.UTC) - dt.timedelta(days=ago + 1)
    quarter = draw(st.integers(0, QUARTERS - 1))
    seconds = draw(st.sampled_from([0, 59, 60, -1]))
    return midnight + dt.timedelta(minutes=15 * quarter, seconds=seconds)


def text(at: dt.datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@st.composite
def logs(draw: st.DrawFn, around: dt.date, records: int = 8) -> tuple[list[Laid], list[Laid]]:
    """Actions and account records, in the order of their logs."""
    actions = []
    for _ in range(draw(st.integers(0, 40))):
        account = draw(st.sampled_from(ACCOUNTS))
        value: dict[str, object] = {"account_id": account, "action": draw(st.sampled_from(ACTIONS))}
        value["timestamp"] = text(draw(moments(around)))
        value["user_id"] = draw(st.sampled_from(["u", "v", "wü", None]))
        value["user_profile"] = draw(st.sampled_from(["admin", "reader", None]))
        laid = Laid(draw(st.integers(0, PARTITIONS - 1)), value, 4_102_444_800_000 + draw(st.integers(0, 3)))
        actions += [laid] * draw(st.sampled_from([1, 1, 2, 20]))
    accounts = [draw(account_records(around, at)) for at in range(draw(st.integers(0, records)))]
    return actions, accounts


@st.composite
def account_records(draw: st.DrawFn, around: dt.date, at: int) -> Laid:
    """Any state from any moment on, in no order, or a null; a later place in the list is a later one in the topic."""
    account = draw(st.sampled_from([*ACCOUNTS, "silent"]))
    partition, timestamp = draw(st.integers(0, PARTITIONS - 1)), 1_700_000_000_000 + at
    if draw(st.integers(0, 5)) == 0:
        return Laid(partition, None, timestamp, account)
    value: dict[str, object] = {"account_id": account, "status": draw(st.sampled_from(STATUSES))}
    value["effective_at"] = draw(st.one_of(st.none(), moments(around).map(text)))
    created = draw(st.one_of(st.none(), moments(around)))
    value["created_at"] = created and draw(st.sampled_from([created.date().isoformat(), text(created)]))
    value["licenses"] = draw(st.sampled_from([None, 0, 1, 3, 32]))
    return Laid(partition, value, timestamp, account)


def actions_of(log: Sequence[Laid]) -> tuple[list[Json], list[int]]:
    """What the plain reading is told of the actions."""
    return [laid.value or {} for laid in log], [laid.partition for laid in log]


def records_of(log: Sequence[Laid]) -> list[AccountRecord]:
    return [AccountRecord(one.account, one.value, (one.timestamp, one.partition, at)) for at, one in enumerate(log)]


def settings_of(rules: Rules) -> Settings:
    return settings_with(
        timezone=rules.timezone,
        score_basis=rules.basis,
        unscored_statuses=tuple(rules.unscored),
        lateness_days=rules.lateness_days,
        weights=dict(rules.weights),
        login_actions=tuple(rules.logins),
        feature_actions=tuple(rules.features),
        user_scores=True,
    )


def run_of(day: dt.date, config: RunConfig) -> Manifest:
    return Manifest("r", day.isoformat(), 0, 0, "v", config, {}, {}, "d")


rules_of_a_run = st.builds(
    Rules,
    basis=st.sampled_from(["actions", "time_spent"]),
    unscored=st.sampled_from([(), ("Hidden",), ("Gold", "Hidden")]),
    lateness_days=st.sampled_from([0, 3, 60]),
    weights=st.sampled_from([{}, {"login": 1, "Öffnen": 100}]),
    logins=st.sampled_from([(), ("login",), ("login", "other")]),
    features=st.sampled_from([(), ("save", "Öffnen")]),
)


def scored(system_logs: tuple[list[Laid], list[Laid]], as_of: dt.date, rules: Rules, before: Rules) -> list[Figures]:
    """What the engine says, where the day before was published under the rules `before`."""
    settings = settings_of(rules)
    inputs = count_logs(settings, *system_logs, PARTITIONS).inputs(as_of.toordinal())
    runs = [run_of(as_of - dt.timedelta(days=1), settings_of(before).run_config)]
    found = figures_for(inputs, as_of.toordinal(), runs, **settings.model_dump())
    return [json.loads(encode(body)) for body in found.bodies()]


@pytest.mark.parametrize("timezone", CHANGES)
@given(st.data())
def test_every_field_of_every_account_is_that_of_the_plain_reading(timezone: str, data: st.DataObject) -> None:
    as_of = data.draw(st.sampled_from(CHANGES[timezone]))
    as_of += dt.timedelta(days=data.draw(st.integers(-1, 3)))
    rules, other = data.draw(rules_of_a_run), data.draw(rules_of_a_run)
    rules = Rules(**{**vars(rules), "timezone": timezone})
    before = Rules(**{**vars(rules), "basis": other.basis, "unscored": other.unscored})
    actions, accounts = data.draw(logs(as_of))
    found = scored((actions, accounts), as_of, rules, before)
    values, partitions = actions_of(actions)
    expected = expected_scores(values, records_of(accounts), as_of, rules, partitions=partitions, before=before)
    assert known(found) == expected
    for record in found:
        change = record["change"]
        assert isinstance(change, dict)
        parts = [change[name] or 0 for name in ("previous", "own", "peers", "status", "configuration")]
        assert sum(parts) == (record["score"] or 0)


def expected_users(log: Sequence[Laid], as_of: dt.date, rules: Rules, members: set[str]) -> list[tuple[object, ...]]:
    """Users with an action in the 14 days, and the profiles that they have by their newest record that names one."""
    told: dict[tuple[object, object], tuple[int, int, int, object]] = {}
    for offset, laid in enumerate(log):
        value = laid.value or {}
        if value["user_profile"] is not None:
            user, newest = (value["account_id"], value["user_id"]), (laid.timestamp, laid.partition, offset)
            told[user] = max(
                told.get(user, (-1, 0, 0, None)), (*newest, value["user_profile"]), key=lambda one: one[:3]
            )
    users: Counter[tuple[object, object]] = Counter()
    acted = read_actions(actions_of(log)[0], rules.timezone, None, 0)
    for act in [act for account in members for act in within(acted.get(account, []), as_of, 14)]:
        if act.user is not None:
            users[act.account, act.user] += rules.weights.get(act.action, 0)
    profiles: Counter[tuple[object, object]] = Counter()
    for key, worth in users.items():
        if key in told:
            profiles[key[0], told[key][3]] += worth
    rows = [(account, "user", user, worth) for (account, user), worth in users.items()]
    return [*rows, *((account, "profile", profile, worth) for (account, profile), worth in profiles.items())]


@given(st.data(), rules_of_a_run)
def test_users_and_profiles_have_the_weighted_scores_of_the_plain_reading(data: st.DataObject, rules: Rules) -> None:
    as_of = dt.date(2024, 2, 29)
    actions, accounts = data.draw(logs(as_of))
    settings = settings_of(rules)
    inputs = count_logs(settings, actions, accounts, PARTITIONS).inputs(as_of.toordinal())
    figures = figures_for(inputs, as_of.toordinal(), **settings.model_dump())
    found = [(one.account_id, one.kind, one.id, one.value) for one in users_of(figures, inputs, settings)]
    expected = expected_users(actions, as_of, rules, set(figures.scores.members.names)) if rules.weights else []
    assert found == sorted(expected)
