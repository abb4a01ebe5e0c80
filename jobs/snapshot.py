"""Reading what a run needs of every slot, and refusing slots that a run must not be built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from jobs.days import COUNT_DAYS, Window, iso
from jobs.inputs import ActionsPart, Inputs, UsersPart
from schemas.exits import Blocked, ConfigurationError, EngagementError, Obstacle, UsageError
from schemas.settings import Settings
from store import obstacles, tables, vectors
from store.account_records import AccountsPart
from store.layout import (
    ACCOUNTS,
    ACTIONS,
    FIRST_DAY,
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
class Slots:
    """The slots that exist or may exist: bounds of every partition and the ids of both topics, as the job started."""

    bounds: Mapping[SlotName, LogBounds]
    topic_ids: Mapping[str, str]

    def check(self, slot: SlotName, header: Header, settings: Settings) -> None:
        """Raise ConfigurationError for another layout or timezone, EngagementError for a slot that is being emptied.

        Raises Blocked for a topic that was made anew.
        """
        found = (
            obstacles.of_layout(slot, header)
            or obstacles.of_timezone(slot, header, settings.timezone)
            or obstacles.of_topic(slot, header.topic_id, self.topic_ids[slot.topic])
        )
        if found is None:
            return
        match found.obstacle:
            case Obstacle.BEING_EMPTIED:
                raise EngagementError(str(found))
            case Obstacle.LAYOUT | Obstacle.TIMEZONE:
                raise ConfigurationError(str(found))
            case _:
                raise found.blocked()


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
            inputs.offsets[slot] = 0  # nothing of it was counted, wherever its log begins
            inputs.missing.append(slot)
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
