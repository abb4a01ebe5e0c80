"""Reading what a run needs of every slot, and refusing slots that a run must not be built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from jobs.days import COUNT_DAYS, Window, iso
from schemas.accounts import AccountEntry
from schemas.exits import Blocked, ConfigurationError, EngagementError, UsageError
from schemas.settings import Settings
from store import tables, vectors
from store.layout import (
    ACCOUNTS,
    ACTIONS,
    FIRST_DAY,
    LAYOUT_VERSION,
    PROFILE,
    PROFILE_CELL,
    PROFILES,
    RECORDS,
    SERIES,
    USER_ACCOUNTS,
    USER_SERIES,
    USERS,
    Header,
    SlotName,
    active,
    count,
    minute_log,
    minutes,
    name_lengths,
    user_count,
)
from store.offsets import LogBounds
from store.slots import SlotStore, Snapshot


@dataclass(frozen=True)
class UsersPart:
    """The users of one slot, by dense user id.

    `owners` the dense account id; `text` and `ends` their names (`names`); `active` one bit by user for every day that
    has any; `profiles` the profile names, `newest` a cell of `PROFILE_CELL` by user (profile id + 1, 0 for none);
    `pairs` (n, 2) user id and action id, `counts` u32 by pair for every day, where per-user scores are configured.
    """

    owners: NDArray[np.int64]
    text: bytes
    ends: NDArray[np.int64]
    active: Mapping[int, bytearray]
    profiles: list[str]
    newest: NDArray[np.void]
    pairs: NDArray[np.uint32]
    counts: Mapping[int, NDArray[np.uint32]]

    def names(self, users: NDArray[np.int64]) -> list[str]:
        """The user_ids of some users: most runs need few of them, so they are not decoded before."""
        ends = self.ends[users].tolist()
        places = zip(np.where(users > 0, self.ends[users - 1], 0).tolist(), ends, strict=True)
        if self.text.isascii():
            plain = self.text.decode()
            return [plain[start:end] for start, end in places]
        return [self.text[start:end].decode() for start, end in places]


@dataclass(frozen=True)
class ActionsPart:
    """What a run takes from one slot of the actions topic.

    `accounts` by dense account id; `first_day` u32 by account (0: none); `series` account id and `of_action` action id
    by series id; `actions` by action id; `counts` u32 by series, and `minutes` by account, for every day that has any.
    """

    slot: SlotName
    accounts: list[str]
    first_day: NDArray[np.uint32]
    series: NDArray[np.uint32]
    of_action: NDArray[np.uint32]
    actions: list[str]
    counts: Mapping[int, NDArray[np.uint32]]
    minutes: Mapping[int, NDArray[np.uint32]]
    users: UsersPart


@dataclass(frozen=True)
class AccountsPart:
    """The valid records of one slot of the accounts topic, in order of offset."""

    slot: SlotName
    entries: list[AccountEntry]
    gapped: bool = False
    """A person had it go on over a gap, perhaps in another topic of the name: offsets say nothing of earlier runs."""


@dataclass(frozen=True)
class Inputs:
    """All slots as one run reads them; `offsets` has the next offset of every partition of both input topics."""

    actions: list[ActionsPart] = field(default_factory=list)
    accounts: list[AccountsPart] = field(default_factory=list)
    offsets: dict[SlotName, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Slots:
    """The slots that exist or may exist: bounds of every partition and the ids of both topics, as the job started."""

    bounds: Mapping[SlotName, LogBounds]
    topic_ids: Mapping[str, str]

    def check(self, slot: SlotName, header: Header, settings: Settings) -> None:
        """Raise ConfigurationError for another layout or timezone, Blocked for a topic that was made anew."""
        if header.layout != LAYOUT_VERSION:
            raise ConfigurationError(
                f"slot {slot} has layout {header.layout}, this version reads {LAYOUT_VERSION}; "
                "install the version that wrote it, or count the slot again with `engagement-stream rebuild`"
            )
        if header.timezone != settings.timezone:
            raise ConfigurationError(
                f"slot {slot} was counted in timezone {header.timezone}, the setting is {settings.timezone}; "
                "set it back, or count the slot again with `engagement-stream rebuild`"
            )
        if header.topic_id != self.topic_ids[slot.topic]:
            raise Blocked(
                f"slot {slot} was counted from another topic of this name (id {header.topic_id}, now "
                f"{self.topic_ids[slot.topic]}); decide: `engagement-stream rebuild` or `engagement-stream accept-gap`"
            )


def read_offsets(store: SlotStore, slots: Slots, wanted: list[SlotName], settings: Settings) -> dict[SlotName, int]:
    """The next offset of the slots that exist. Raises as `Slots.check`: waiting would not heal such a slot."""
    offsets: dict[SlotName, int] = {}
    for slot in wanted:
        record = store.stored(slot)
        if record is not None:
            slots.check(slot, record.header, settings)
            offsets[slot] = record.header.next_offset
    return offsets


def read_inputs(store: SlotStore, slots: Slots, settings: Settings, window: Window) -> Inputs:
    """Read every slot, each as of one moment.

    Raises as `Slots.check`, and UsageError for a window that reaches before what is kept, EngagementError for a slot
    that is missing although its log is not empty, Blocked where Redis holds less than a header says.
    """
    inputs = Inputs()
    of_window = partial(_wanted, window)
    for slot, log in sorted(slots.bounds.items()):
        of_actions = slot.topic == settings.topics.actions
        snapshot = store.snapshot(slot, of_window if of_actions else _all_records)
        if snapshot is None:
            if log.start < log.end:
                raise EngagementError(f"slot {slot} is missing in Redis; run `engagement-stream run` and wait for it")
            inputs.offsets[slot] = log.end
            continue
        slots.check(slot, snapshot.header, settings)
        inputs.offsets[slot] = snapshot.header.next_offset
        if of_actions:
            _refuse_pruned(slot, snapshot.header, window)
            inputs.actions.append(_actions_part(slot, snapshot, window))
        else:
            inputs.accounts.append(_accounts_part(slot, snapshot))
    return inputs


def _accounts_part(slot: SlotName, snapshot: Snapshot) -> AccountsPart:
    return AccountsPart(slot, tables.entries(snapshot.strings[RECORDS]), gapped=bool(snapshot.header.gaps))


def _all_records(_: Header) -> list[str]:
    return [RECORDS]


def _wanted(window: Window, header: Header) -> list[str]:
    tables_read = (ACCOUNTS, ACTIONS, USERS, PROFILES)
    always = (*tables_read, *map(name_lengths, tables_read), SERIES, FIRST_DAY, USER_ACCOUNTS, PROFILE, USER_SERIES)
    counted = [name for day in Window(window.last, COUNT_DAYS).days for name in (count(day), user_count(day))]
    used = [name for day in window.days for name in (active(day), minutes(day), minute_log(day))]
    return [*always, *(name for name in (*counted, *used) if name in header.lengths)]


def _refuse_pruned(slot: SlotName, header: Header, window: Window) -> None:
    if window.first < header.pruned_before:
        raise UsageError(
            f"slot {slot} keeps days from {iso(header.pruned_before)} on, and {iso(window.last)} looks back to "
            f"{iso(window.first)}; ask for a later day (retention_days decides how far back is kept)"
        )


def _actions_part(slot: SlotName, snapshot: Snapshot, window: Window) -> ActionsPart:
    strings = snapshot.strings
    accounts = tables.names(strings[ACCOUNTS], strings[name_lengths(ACCOUNTS)])
    series = tables.pairs(strings[SERIES])
    first_day = vectors.cells(strings[FIRST_DAY], len(accounts))
    if len(series) and int(series[:, 0].max()) >= len(accounts):
        raise Blocked(
            f"slot {slot} names accounts that its table does not hold; `engagement-stream rebuild` counts it again"
        )
    users = _users_part(strings, window)
    return ActionsPart(
        slot=slot,
        accounts=accounts,
        first_day=first_day,
        series=series[:, 0],
        of_action=series[:, 1],
        actions=tables.names(strings[ACTIONS], strings[name_lengths(ACTIONS)]),
        counts=_by_day(strings, window, count, len(series)),
        minutes=_minutes(strings, window, users.owners, len(accounts)),
        users=users,
    )


def _users_part(strings: Mapping[str, bytearray], window: Window) -> UsersPart:
    text, lengths = tables.raw_names(USERS, strings)
    pairs = tables.pairs(strings[USER_SERIES])
    newest = np.zeros(len(lengths), PROFILE_CELL)
    told = np.frombuffer(strings[PROFILE], PROFILE_CELL)
    newest[: len(told)] = told
    return UsersPart(
        owners=np.frombuffer(strings[USER_ACCOUNTS], "<u4").astype(np.int64),
        text=text,
        ends=np.cumsum(lengths),
        active={day: strings[active(day)] for day in window.days if active(day) in strings},
        profiles=tables.names(strings[PROFILES], strings[name_lengths(PROFILES)]),
        newest=newest,
        pairs=pairs,
        counts=_by_day(strings, window, user_count, len(pairs)),
    )


def _by_day(
    strings: Mapping[str, bytearray], window: Window, name: Callable[[int], str], size: int
) -> dict[int, NDArray[np.uint32]]:
    held = {day: strings[name(day)] for day in window.days if name(day) in strings}
    return {day: vectors.cells(data, size) for day, data in held.items()}


def _minutes(
    strings: Mapping[str, bytearray], window: Window, owners: NDArray[np.int64], size: int
) -> dict[int, NDArray[np.uint32]]:
    """Distinct (user, minute) pairs by account: counted already for closed days, by the log for open ones."""
    found: dict[int, NDArray[np.uint32]] = {}
    for day in window.days:
        if minutes(day) in strings:
            found[day] = vectors.cells(strings[minutes(day)], size)
        elif minute_log(day) in strings:
            users = tables.distinct_users(strings[minute_log(day)])
            found[day] = np.bincount(owners[users], minlength=size).astype(np.uint32)
    return found
