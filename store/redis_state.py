"""Whether Redis is about to lose counters or to refuse writes: what its INFO says of memory and of its files."""

from typing import Any

import msgspec
import redis

from store.denied import redis_failure

_APPEND_ONLY_STATUS = ("aof_last_write_status", "aof_last_bgrewrite_status")


class RedisState(msgspec.Struct, frozen=True):
    """Memory in bytes; `memory_limit` is 0 where there is none."""

    memory: int
    memory_limit: int
    memory_policy: str
    append_only: bool
    append_only_ok: bool
    """Whether the last write of the append-only file worked, and the last time that it was made small."""
    append_only_bytes: int
    append_only_base_bytes: int
    """What it had when it was last made small; Redis does that again at twice as much."""
    snapshot_ok: bool
    """Whether the last snapshot (RDB) worked."""
    evicted_keys: int


def redis_state(client: redis.Redis) -> RedisState:
    """One request. Raises Unavailable where Redis gives no answer, Denied."""
    try:
        info: dict[str, Any] = client.info()
    except (redis.RedisError, OSError) as error:
        raise redis_failure(error, "INFO") from error
    return RedisState(
        memory=int(info.get("used_memory", 0)),
        memory_limit=int(info.get("maxmemory", 0)),
        memory_policy=str(info.get("maxmemory_policy", "noeviction")),
        append_only=info.get("aof_enabled") == 1,
        append_only_ok=all(info.get(name, "ok") == "ok" for name in _APPEND_ONLY_STATUS),
        append_only_bytes=int(info.get("aof_current_size", 0)),
        append_only_base_bytes=int(info.get("aof_base_size", 0)),
        snapshot_ok=info.get("rdb_last_bgsave_status", "ok") == "ok",
        evicted_keys=int(info.get("evicted_keys", 0)),
    )
