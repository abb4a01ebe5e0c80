"""Logs of actions, drawn by hypothesis or from a seed: days go up and back, records are early, late and broken."""

import datetime as dt
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.property.plain_slot import DAY_MS, EPOCH, MINUTE_MS, Action, LogRecord

ZONES = {
    "UTC": dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
    "Europe/Berlin": dt.datetime(2025, 10, 22, tzinfo=dt.UTC),  # four days before its clocks go back
    "America/St_Johns": dt.datetime(2006, 10, 25, tzinfo=dt.UTC),  # and here they go back over midnight
}
LONG = "long name of more than forty bytes, number "
BROKEN = [b"", b"{", b'{"account_id":"a"}', b'{"account_id":"a","action":"b","timestamp":"2026-02-30T00:00:00Z"}']


class Draw(NamedTuple):
    """What makes one record, after the one before it."""

    days_on: int
    days_back: int
    minute: int
    ms: int
    jitter: int
    """ms from the start of the day to the record's own timestamp."""
    ahead: int | None
    """ms beyond what is allowed, where the moment is chosen by its timestamp."""
    account: str
    action: str
    user: str | None
    profile: str | None
    offsets_on: int
    broken: bytes | None
    """What is sent instead."""


_CHOICES: dict[str, Sequence[Any]] = {
    "days_on": [0, 0, 0, 0, 1, 1, 2, 6],
    "days_back": [0, 0, 0, 1, 1, 2, 3, 4, 5, 7],
    "minute": [0, 1, 1, 150, 719, 1319, 1380, 1439],
    "ms": [0, 1, 59_999],
    "jitter": [-5, 0, 0, 1, 3_600_000],
    "ahead": [None] * 8 + [0, 1],
    "account": ["a", "b", "a\0", "é" * 256, LONG + "1", LONG + "2"],
    "action": ["login", "view", "ü"],
    "user": [None, "u", "u", "v", "u\0", LONG + "1"],
    "profile": [None, "p", "q"],
    "offsets_on": [1, 1, 1, 2, 5],
    "broken": [None] * 12 + BROKEN,
}

drawn = st.lists(
    st.builds(Draw, **{name: st.sampled_from(choices) for name, choices in _CHOICES.items()}), min_size=1, max_size=40
)


def random_draws(rnd: random.Random, count: int, names: int) -> list[Draw]:
    """As ``drawn``, over few days and with ``names`` more accounts and users."""
    found = []
    for _ in range(count):
        draw = Draw(**{name: rnd.choice(choices) for name, choices in _CHOICES.items()})
        draw = draw._replace(days_on=int(rnd.random() < 0.005))
        if rnd.random() < 0.7:
            draw = draw._replace(account=f"account-{rnd.randrange(names)}", user=f"user-{rnd.randrange(names)}")
        found.append(draw)
    return found


def log_of(draws: Iterable[Draw], zone: str) -> list[LogRecord]:
    """The log that these records make one after the other."""
    found, today, offset = [], 0, 100
    start = round((ZONES[zone] - EPOCH).total_seconds() * 1000)
    for draw in draws:
        today += draw.days_on
        timestamp = start + today * DAY_MS + draw.jitter
        moment = start + (today - draw.days_back) * DAY_MS + draw.minute * MINUTE_MS + draw.ms
        if draw.ahead is not None:
            moment = timestamp + DAY_MS + draw.ahead
        if draw.broken is not None:
            found.append(LogRecord(offset, timestamp, draw.broken or None, None))
        else:
            said = Action(draw.account, draw.action, draw.user, draw.profile, moment)
            found.append(LogRecord(offset, timestamp, encoded(said, hours=draw.minute % 3), said))
        offset += draw.offsets_on
    return found


def encoded(action: Action, hours: int = 0) -> bytes:
    """JSON with the moment in a zone of that many hours, 0 for Z, and an absent user left out or null."""
    local = EPOCH + dt.timedelta(milliseconds=action.moment, hours=hours)
    zone = f"+{hours:02}:00" if hours else "Z"
    fields: dict[str, object] = {
        "account_id": action.account,
        "action": action.action,
        "timestamp": f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03}{zone}",
    }
    if action.user is not None or hours:
        fields["user_id"] = action.user
    if action.profile is not None:
        fields["user_profile"] = action.profile
    return json.dumps(fields, ensure_ascii=bool(hours)).encode()
