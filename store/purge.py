"""Empties a slot whose header cannot say which strings it has, without a moment in which a worker could count into it.

1. ``claim`` puts a header in place that no worker loads, over nothing or over what cannot be read: a worker that was
   about to write finds that somebody else wrote, and waits.
2. ``purge`` deletes every string. Cut short, the claim stays, and whoever runs the command again goes on from here.
3. The caller replaces the claim by the header of an empty slot, with an ordinary checkpoint.
"""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import redis

from store.denied import redis_failure
from store.layout import SlotName
from store.redo import RedoRecord

KEYS_PER_CALL = 500
AGAIN = "; run this again when it is back"


def claim(client: redis.Redis, slot: SlotName, record: RedoRecord, replaceable: Callable[[], bool]) -> bool:
    """Store ``record`` if ``replaceable`` says so and nobody writes meanwhile. Raises Unavailable."""
    script = client.register_script(Path(__file__).with_name("claim.lua").read_text())
    try:
        seen = cast("bytes | None", client.get(slot.redo_key))
        if not replaceable():
            return False
        return bool(script(keys=[slot.redo_key], args=[seen or b"", record.encoded]))
    except (redis.RedisError, OSError) as error:
        raise redis_failure(error, slot, AGAIN) from error


def purge(client: redis.Redis, slot: SlotName) -> None:
    """Delete all keys of the slot but its redo record. Looks at every key of the Redis. Raises Unavailable."""
    redo = slot.redo_key.encode()
    try:
        keys = [key for key in client.scan_iter(match=f"{slot.tag}:*", count=KEYS_PER_CALL) if key != redo]
        for at in range(0, len(keys), KEYS_PER_CALL):
            client.unlink(*keys[at : at + KEYS_PER_CALL])
    except (redis.RedisError, OSError) as error:
        raise redis_failure(error, slot, AGAIN) from error
