"""One value of the actions topic."""

from typing import Annotated

import msgspec

MAX_CHARACTERS = 256

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARACTERS)]
"""1 to 256 characters, counted as code points."""


class ActionEvent(msgspec.Struct, frozen=True, gc=False):
    """What a user did. `timestamp` is an RFC 3339 moment as received; fields not named here are ignored."""

    account_id: Identifier
    action: Identifier
    timestamp: str
    user_id: Identifier | None = None
    user_profile: Identifier | None = None
    message_id: Identifier | None = None
