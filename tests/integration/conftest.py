from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from services.redis import LocalRedis
from stream import owned
from tests.integration.live import Live, action


@pytest.fixture
def live(settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A system of its own on the shared services, without topics yet; its workers store and look more often."""
    monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 0.2)
    monkeypatch.setattr(owned, "IDLE_CHECK_SECONDS", 0.6)
    with capture_logs() as log:
        yield Live(settings_env, log)
        print(*log, sep="\n")


@pytest.fixture
def own_redis(local_redis: Callable[[], LocalRedis]) -> LocalRedis:
    """A Redis to be treated badly."""
    return local_redis()


@pytest.fixture
def fragile(live: Live, own_redis: LocalRedis) -> Live:
    """A system of its own on `own_redis`."""
    return live.given(REDIS_URL=own_redis.url)


@pytest.fixture
def counted_100(live: Live) -> Live:
    """100 actions, counted and stored."""
    live.topics()
    live.produce([action()] * 100)
    with live.worker():
        live.wait_stored(100)
    return live
