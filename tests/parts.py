"""What runs are computed from and made of, built by hand: parts of slots, settings, score bodies."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from jobs.daily import score_days
from jobs.days import COUNT_DAYS, Window
from jobs.figures import Figures, figures_of
from jobs.inputs import ActionsPart, Inputs, UsersPart
from jobs.scores import activity_of
from schemas.manifest import Manifest
from schemas.scores import Change, ScoreBody, WindowCounts
from schemas.settings import Settings, load_settings
from store.layout import PROFILE_CELL, SlotName

NO_USERS = UsersPart(
    owners=np.empty(0, np.int64),
    text=b"",
    ends=np.empty(0, np.int64),
    active={},
    profiles=[],
    newest=np.empty(0, PROFILE_CELL),
    pairs=np.empty((0, 2), np.uint32),
    counts={},
)


def actions_part(
    accounts: list[str],
    first_day: ArrayLike,
    counts: Mapping[int, ArrayLike],
    *,
    series: ArrayLike | None = None,
    partition: int = 0,
) -> ActionsPart:
    """A slot of one action and no users; `counts` by day and series, which are the accounts' own where not given."""
    of_account = np.array(np.arange(len(accounts)) if series is None else series, np.uint32)
    return ActionsPart(
        slot=SlotName("t.actions", partition),
        accounts=accounts,
        first_day=np.array(first_day, np.uint32),
        series=of_account,
        of_action=np.zeros(len(of_account), np.uint32),
        actions=["act"],
        counts={day: np.array(of_day, np.uint32) for day, of_day in counts.items()},
        minutes={},
        users=NO_USERS,
    )


def settings_with(**changes: object) -> Settings:
    """Default settings but for `changes`; the addresses are nobody's."""
    least = load_settings({"KAFKA_BOOTSTRAP_SERVERS": "none.invalid:9092", "REDIS_URL": "redis://none.invalid"})
    return Settings.model_validate({**least.model_dump(), **changes})


def figures_for(inputs: Inputs, as_of: int, runs: Sequence[Manifest] = (), **changes: object) -> Figures:
    """What a daily run of `as_of` says of these inputs, under default settings but for `changes`."""
    settings = settings_with(**changes)
    activity = activity_of(inputs, Window(as_of, COUNT_DAYS))
    return figures_of(activity, score_days(inputs, activity, as_of, settings, runs), settings.run_config)


def score_body(account: str, **changes: object) -> ScoreBody:
    """A valid body under `changes`."""
    body = ScoreBody(
        as_of="2025-06-30",
        account_id=account,
        status=None,
        score=0,
        rank=None,
        cohort_size=0,
        accounts_in_status=1,
        average_daily_actions=2 / 7,
        actions=4,
        days_considered=14,
        usage_frequency="occasionally",
        active_days=2,
        time_spent_minutes=WindowCounts(0, 1, 2, 3, 3, 3),
        active_users=WindowCounts(0, 1, 1, 1, 1, 1),
        license_utilization=None,
        weighted_score=msgspec.UNSET,
        adoption=msgspec.UNSET,
        change=Change(0, 0, 0, 0, 0),
    )
    return msgspec.structs.replace(body, **changes)
