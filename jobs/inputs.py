"""What a run takes from the slots, as vectors by dense id."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from store.account_records import AccountsPart
from store.layout import SlotName


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
class Inputs:
    """All slots as one run reads them; `offsets` has the next offset of every partition of both input topics.

    `missing` are the slots that Redis does not have, with logs that are empty.
    """

    actions: list[ActionsPart] = field(default_factory=list)
    accounts: list[AccountsPart] = field(default_factory=list)
    offsets: dict[SlotName, int] = field(default_factory=dict)
    missing: list[SlotName] = field(default_factory=list)
