"""The generated load: B2B product events of about 225 bytes, in order of days, accounts drawn from a Zipf law."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Producer

ACTIONS = ["page_view", "click", "login", "search", "export", "logout", "purchase", "signup", "invite"]
ACTION_SHARES = [40, 20, 10, 10, 7, 5, 4, 2, 2]
FIRST_DAY = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DAYS = 15
DAY_MS = 86_400_000
_CHUNK = 100_000
_ACCOUNT_STRIDE = 60_013
"""Prime to the number of accounts: hot accounts are spread over names, and so over partitions."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many events of how many accounts; events are numbered from ``first``."""

    events: int
    accounts: int = 100_000
    users_per_account: int = 20
    zipf: float = 0.8
    seed: int = 7
    first: int = 0

    def values(self) -> Iterator[tuple[str, bytes]]:
        """(key, value) of each event."""
        weights = 1 / np.arange(1, self.accounts + 1) ** self.zipf
        edges = np.cumsum(weights / weights.sum())
        rng = np.random.default_rng([self.seed, self.first])
        for start in range(0, self.events, _CHUNK):
            size = min(_CHUNK, self.events - start)
            accounts = np.searchsorted(edges, rng.random(size)).clip(max=self.accounts - 1)
            actions = rng.choice(len(ACTIONS), size, p=np.array(ACTION_SHARES) / 100)
            at = (np.arange(start, start + size) * (DAYS * DAY_MS / self.events)).astype(np.int64)
            moments = np.maximum(at - rng.integers(0, 600_000, size), 0)
            users = accounts * self.users_per_account + rng.integers(0, self.users_per_account, size)
            texts = np.datetime_as_string(np.datetime64(FIRST_DAY.replace(tzinfo=None), "ms") + moments, unit="ms")
            names = accounts * _ACCOUNT_STRIDE % self.accounts
            columns = zip(names.tolist(), users.tolist(), actions.tolist(), texts.tolist(), strict=True)
            for number, (account, user, action, text) in enumerate(columns, self.first + start):
                yield _event(number, account, user, ACTIONS[action], text)

    def produce(self, producer: Producer, topic: str) -> int:
        """Send all events; returns their bytes."""
        sent = 0
        for number, (key, value) in enumerate(self.values()):
            sent += len(value)
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.05)
            if not number % 5000:
                producer.poll(0)
        producer.flush()
        return sent


def _event(number: int, account: int, user: int, action: str, moment: str) -> tuple[str, bytes]:
    key = f"acct-{account:06d}"
    value = (
        f'{{"message_id":"{number:08x}-6d1c-4f0e-9a57-{number * 2654435761 % 2**48:012x}","account_id":"{key}",'
        f'"user_id":"u-{user:07d}","action":"{action}","timestamp":"{moment}Z","status":"Pro Plan",'
        f'"properties":{{"path":"/settings/profile","ms":{number % 1999 + 1}}}}}'
    )
    return key, value.encode()


def bytes_of_one() -> int:
    """Size of a typical value."""
    _, value = next(Load(1).values())
    json.loads(value)
    return len(value)
