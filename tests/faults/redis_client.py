"""A client of the system's Redis itself, past the proxy."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faults.system import System


def direct(system: System, timeout: float = 30.0) -> redis.Redis:
    return redis.Redis.from_url(
        system.redis_server.url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def others_than_monitors(client: redis.Redis) -> list[str]:
    """The ids of all connections but those that only watch, and this one."""
    mine = str(client.client_id())
    return [one["id"] for one in client.client_list() if "O" not in one["flags"] and one["id"] != mine]


def count_refused(client: redis.Redis, error: str) -> int:
    """How many commands Redis has refused with this error."""
    return int(client.info("errorstats").get(f"errorstat_{error}", {}).get("count", 0))
