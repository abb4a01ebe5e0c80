"""What the feed sends: records encoded beforehand but for their day, so that a busy feed costs next to nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import cycle
from random import Random

from tests.acceptance.poison import account_cases, action_cases

SIZE = 12_000
POISON = 0.01
LARGEST_POISON = 4_000
ACCOUNTS = 150
USERS_OF_ONE = 6
NEW_A_DAY = 2
ACTIONS = ("open", "save", "export", "login", "Öffnen")
STATUSES = ('"Gold"', '"gold"', '"Größe ✓"', '"Only"', "null")
BACK = ((0.93, 0, 0), (0.98, 1, 3), (0.995, 4, 60), (0.998, 61, 93), (1.0, 94, 200))
"""Shares of records, and how many days before the newest day they are: late ones, and ones beyond retention."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of either topic: ``back`` days before the newest one, or ``head`` alone where that is negative."""

    topic: str
    key: bytes | None
    head: bytes | None
    back: int = -1
    tail: bytes = b""

    def value(self, days: list[bytes]) -> bytes | None:
        return self.head if self.back < 0 or self.head is None else self.head + days[self.back] + self.tail


class Bank:
    """Records to send over and over; ``renew`` mixes in accounts that were never seen before."""

    def __init__(self, random: Random, prefix: str, day: date) -> None:
        self._random = random
        self._actions, self._accounts = prefix + "actions", prefix + "accounts"
        self._names = [f"account {number}" for number in range(ACCOUNTS)] + ["Ünï ✓ 😀", "{tag}"]
        self._poison = list(self._cases(day))
        self.entries = [self._entry() for _ in range(SIZE)]
        self._at = cycle(range(SIZE))

    def next(self) -> Entry:
        return self.entries[next(self._at)]

    def renew(self) -> None:
        """New accounts take the place of old ones in a part of the records."""
        for _ in range(NEW_A_DAY):
            self._names[self._random.randrange(ACCOUNTS)] = f"account {self._random.randrange(1 << 30)}"
        for _ in range(SIZE // 50):
            self.entries[self._random.randrange(SIZE)] = self._entry()

    def _entry(self) -> Entry:
        random = self._random
        kind = random.random()
        if kind < POISON:
            return random.choice(self._poison)
        return self._account() if kind < POISON + 0.02 else self._action()

    def _action(self) -> Entry:
        random = self._random
        place = int(len(self._names) * random.random() ** 2)
        account = self._names[place]
        user = random.random()
        who = f',"user_id":"u{random.randrange(USERS_OF_ONE)}"' if user < 0.8 else ""
        who += f',"user_profile":"{random.choice(("admin", "reader"))}"' if user < 0.2 else ""
        ahead = b'"2999-01-01T00:00:00Z"}' if random.random() < 0.001 else None
        head = f'{{"account_id":"{account}","action":"{random.choice(ACTIONS)}"{who},"timestamp":'.encode()
        key = None if place % 10 == 0 else account.encode()
        if ahead is not None:
            return Entry(self._actions, key, head + ahead)
        clock = f"T{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}Z".encode()
        return Entry(self._actions, key, head + b'"', self._back(), clock + b'"}')

    def _back(self) -> int:
        share = self._random.random()
        least, most = next((least, most) for below, least, most in BACK if share < below)
        return self._random.randint(least, most)

    def _account(self) -> Entry:
        random = self._random
        account = random.choice(self._names)
        if random.random() < 0.05:
            return Entry(self._accounts, account.encode(), None)
        head = f'{{"account_id":"{account}","status":{random.choice(STATUSES)},"licenses":{random.randrange(9)}'
        return Entry(
            self._accounts, account.encode(), head.encode() + b',"effective_at":"', self._back(), b'T00:00:00Z"}'
        )

    def _cases(self, day: date) -> Iterator[Entry]:
        """Cases from both sides of the border, as of the feed's first day: some that count are late by then."""
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for topic, cases in ((self._actions, action_cases(at)), (self._accounts, account_cases(at))):
            for case in cases:
                if case.value is None or len(case.value) <= LARGEST_POISON:
                    yield Entry(topic, case.key, case.value)
