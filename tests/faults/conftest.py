from collections.abc import Iterator

import pytest

from services.find import start_together, stop_together
from services.kafka import LocalKafka
from services.redis import LocalRedis


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalKafka, LocalRedis]]:
    """A Kafka and a Redis that the tests of one file may do anything to."""
    folder = tmp_path_factory.mktemp("servers")
    kafka, redis = LocalKafka(folder / "kafka"), LocalRedis(folder / "redis")
    start_together([kafka, redis])
    yield kafka, redis
    stop_together([kafka, redis])
