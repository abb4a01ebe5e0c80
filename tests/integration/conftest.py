from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from schemas.rejects import Reason
from services.redis import LocalRedis
from stream import confirmed, owned, worker
from tests.integration.live import Live, action
from tests.integration.refused import refuse


@pytest.fixture
def live(settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A system of its own on the shared services, without topics yet; its workers store and look more often."""
    monkeypatch.setattr(owned, "CHECKPOINT_SECONDS", 0.2)
    monkeypatch.setattr(owned, "IDLE_CHECK_SECONDS", 0.6)
    # On a busy machine: what is stored late is no failure, and who goes amid a rebalance lets it end, as the group
    # would else wait for it for the whole session. Processes of workers have the product's times.
    monkeypatch.setattr(worker, "STOP_SECONDS", 30.0)
    monkeypatch.setattr(worker, "LEAVE_SECONDS", 12.0)
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
def counted_100(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """100 actions, counted and stored, and no offset committed in Kafka, however long the worker takes to stop."""
    live.topics()
    live.produce([action()] * 100)
    with monkeypatch.context() as patched:
        patched.setattr(confirmed, "SAFE_SECONDS", 1_000.0)
        with live.worker():
            live.wait_stored(100)
    return live


@pytest.fixture
def three(live: Live) -> Live:
    """Rejects of the offsets 3, 4 and 5, the last one of another reason, the first one there twice."""
    live.topics(rejects=2)
    refuse(live, 3, action("three"))
    refuse(live, 4, action("four"), at=2_000)
    refuse(live, 5, b"\xff", Reason.MALFORMED_JSON, at=3_000)
    refuse(live, 3, action("three"), at=4_000)
    return live
