"""After a change of weights, history scored anew under the new ones is comparable, day by day."""

import datetime as dt
from random import Random

from schemas.manifest import weights_version
from schemas.scores import ScoreBody, Weighted
from tests.folded import Laid, System, count_logs
from tests.parts import figures_for, settings_with

FIRST, LAST = dt.date(2025, 5, 1), dt.date(2025, 5, 31)
OLD = {"login": 2, "export": 10}
NEW = {"login": 2, "export": 30, "invite": 7}
ACTIONS = ("login", "export", "invite", "view")


def month(random: Random) -> list[Laid]:
    """Two accounts from two weeks before the month to its end; amid it one turns from exports to invites."""
    days = [FIRST + dt.timedelta(days=number) for number in range(-14, 31)]
    log = []
    for day in days:
        for account in ("steady", "turning"):
            habits = (5, 3, 1, 9) if account == "steady" or day < dt.date(2025, 5, 15) else (5, 0, 6, 9)
            for action in random.choices(ACTIONS, habits, k=8):
                value = {"account_id": account, "action": action, "timestamp": f"{day}T10:00:00Z"}
                log.append(Laid(random.randrange(2), value))
    return log


def history(system: System, weights: dict[str, int]) -> dict[tuple[str, str], ScoreBody]:
    """Every account of every day of the month, by (day, account), scored today under these weights."""
    found: dict[tuple[str, str], ScoreBody] = {}
    for day in range(FIRST.toordinal(), LAST.toordinal() + 1):
        for body in figures_for(system.inputs(day), day, weights=weights).bodies():
            found[body.as_of, body.account_id] = body
    return found


def plainly(log: list[Laid], as_of: str, account: str, weights: dict[str, int]) -> int:
    last = dt.date.fromisoformat(as_of)
    values = [laid.value or {} for laid in log]
    return sum(
        weights.get(str(value["action"]), 0)
        for value in values
        if value["account_id"] == account
        and dt.timedelta(0) <= last - dt.date.fromisoformat(str(value["timestamp"])[:10]) < dt.timedelta(days=14)
    )


def test_last_month_scored_under_two_versions_has_two_trends_each_under_its_own_version() -> None:
    log = month(Random(1))
    system = count_logs(settings_with(), log, [], partitions=2)
    under_old, under_new = history(system, OLD), history(system, NEW)
    assert len(under_old) == len(under_new) == 2 * 31
    for found, weights in ((under_old, OLD), (under_new, NEW)):
        for (as_of, account), body in found.items():
            assert body.weighted_score == Weighted(weights_version(weights), plainly(log, as_of, account, weights))
    for key, body in under_old.items():
        assert body.score == under_new[key].score, "weights move no engagement score"
        assert body.change == under_new[key].change


def test_the_same_weights_have_the_same_version_whenever_a_day_is_scored() -> None:
    system = count_logs(settings_with(), month(Random(2)), [], partitions=2)
    first = history(system, OLD)
    assert history(system, NEW).keys() == first.keys()
    assert history(system, dict(reversed(OLD.items()))) == first
