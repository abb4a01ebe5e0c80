"""Deletes every key of a slot, for when no header says which there are."""

import redis

from schemas.exits import Unavailable
from store.layout import SlotName

KEYS_PER_CALL = 500


def purge(client: redis.Redis, slot: SlotName) -> None:
    """Delete all keys of the slot, its redo record last: cut short, no header may stand over missing strings.

    Looks at every key of the Redis. Raises Unavailable.
    """
    redo = slot.redo_key.encode()
    try:
        keys = [key for key in client.scan_iter(match=f"{slot.tag}:*", count=KEYS_PER_CALL) if key != redo]
        for at in range(0, len(keys), KEYS_PER_CALL):
            client.unlink(*keys[at : at + KEYS_PER_CALL])
        client.unlink(redo)
    except (redis.RedisError, OSError) as error:
        message = f"Redis gave no answer for {slot}: {type(error).__name__}: {error}; run this again when it is back"
        raise Unavailable(message) from error
