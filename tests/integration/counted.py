"""Slots as the stream would leave them, written through the real checkpoint: a run can be tested without a worker."""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jobs.daily import Run, run_daily
from schemas.accounts import AccountEntry
from schemas.settings import Settings
from store import tables
from store.connect import connect_redis, kafka_admin
from store.layout import ACCOUNTS, ACTIONS, FIRST_DAY, RECORDS, SERIES, Header, SlotName, count, name_lengths
from store.offsets import topic_ids
from store.redo import Write, encode_redo
from store.slots import Answer, SlotStore
from tests.support import await_markers

DAY = dt.date(2025, 6, 30).toordinal()
"""The as_of of these tests; days of actions are given as days before it."""


def published(settings: Settings, day: int = DAY) -> Run:
    """A daily run, once every reader sees it."""
    run = run_daily(settings, day, dry_run=False)
    await_markers(settings.kafka_bootstrap_servers, settings.topics.scores, settings.topics.runs)
    return run


@dataclass(frozen=True)
class Counted:
    """The slots of one system."""

    settings: Settings

    def actions(self, actions: Mapping[str, Mapping[int, int]], partition: int = 0, **header: object) -> None:
        """Counts actions by account and days before DAY, all of them exports, all in one partition."""
        days = sorted({DAY - ago for of_account in actions.values() for ago in of_account})
        text, lengths = tables.encode_names(list(actions))
        action_text, action_lengths = tables.encode_names(["export"])
        series = [(place, 0) for place in range(len(actions))]
        first = [min(DAY - ago for ago in of_account) for of_account in actions.values()]
        strings = {
            ACCOUNTS: text,
            name_lengths(ACCOUNTS): lengths,
            ACTIONS: action_text,
            name_lengths(ACTIONS): action_lengths,
            SERIES: np.array(series, "<u4").tobytes(),
            FIRST_DAY: np.array(first, "<u4").tobytes(),
        }
        for day in days:
            strings[count(day)] = np.array([of.get(DAY - day, 0) for of in actions.values()], "<u4").tobytes()
        self.write(SlotName(self.settings.topics.actions, partition), strings, header)

    def accounts(self, *entries: AccountEntry, partition: int = 0, **header: object) -> None:
        """Takes these account records, all in one partition."""
        slot = SlotName(self.settings.topics.accounts, partition)
        self.write(slot, {RECORDS: tables.encode_entries(entries)}, header)

    def write(self, slot: SlotName, strings: Mapping[str, bytes], given: Mapping[str, object]) -> None:
        """Makes these strings the state of a slot."""
        store = SlotStore(connect_redis(self.settings))
        stored = store.stored(slot)
        fields = {
            "timezone": self.settings.timezone,
            "topic_id": topic_ids(kafka_admin(self.settings), [slot.topic])[slot.topic],
            "next_offset": 100,
            "first_offset": 0,
            "newest_day": DAY,
            "previous": stored.state_id if stored else b"",
            "lengths": {name: len(data) for name, data in strings.items()},
        }
        header = Header(**{**fields, **given})  # type: ignore[arg-type]
        writes = [Write(name, 0, data) for name, data in strings.items()]
        record = encode_redo(secrets.token_bytes(16), header, writes, stored.header if stored else None)
        assert store.checkpoint(slot, stored, record) is Answer.APPLIED
