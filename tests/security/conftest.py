import secrets
from collections.abc import Iterator, Mapping

import pytest
import redis
from confluent_kafka.admin import NewPartitions

from services.find import start_together, stop_together
from tests.security.certificates import Authority
from tests.security.granted import Grant, grants
from tests.security.mistakes import MISTAKES, Attempt, attempts
from tests.security.secured import ADMIN, SecuredKafka, SecuredRedis
from tests.security.story import DAY, JOBS, STREAM, Event, Told, account, action, count_all, produce, succeed
from tests.security.system import System, admin_of, encoded


@pytest.fixture(scope="session")
def granted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grant]:
    """The users of docs/security.md."""
    return grants(tmp_path_factory.mktemp("document") / "tools")


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, granted: dict[str, Grant]) -> Iterator[System]:
    """Kafka and Redis of their own, encrypted and with rights, for all tests of this folder."""
    folder = tmp_path_factory.mktemp("secured")
    authority, password = Authority(folder / "certificates"), secrets.token_urlsafe()
    own_kafka = SecuredKafka(folder / "kafka", authority)
    own_redis = SecuredRedis(folder / "redis", authority, password)
    start_together([own_kafka, own_redis])
    try:
        with redis.Redis.from_url(own_redis.url_of(ADMIN, encoded(password))) as admin_redis:
            system = System(own_kafka, own_redis, authority, admin_of(own_kafka, authority), admin_redis)
            system.grant(
                one for grant in granted.values() for one in (grant, *(less for _, less in grant.lacking_one()))
            )
            yield system
    finally:
        stop_together([own_kafka, own_redis])


@pytest.fixture(scope="session", autouse=True)
def mistaken(secured: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Attempt]]:
    """Commands with something wrong about their settings, under way while other tests run: some take half a minute."""
    yield from attempts(secured, MISTAKES, tmp_path_factory.mktemp("mistaken"))


@pytest.fixture(scope="session")
def counted(secured: System) -> System:
    """A system with the sample counted."""
    succeed(secured, "engagement-topics", "-m", STREAM, "topics", "--create", "--partitions", "2")
    succeed(secured, "engagement-producer", "examples/load_sample.py")
    count_all(secured, "--workers", "2")
    # One more checkpoint: what the last one wrote is in its record alone.
    produce(secured, [record for partition in (0, 1) for record in (action(partition), account(partition))])
    count_all(secured)
    return secured


@pytest.fixture(scope="session")
def published(counted: System, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What readers are told of a system with some days published."""
    file = tmp_path_factory.mktemp("export") / "figures.csv"
    succeed(counted, "engagement-daily", "-m", JOBS, "daily", "--as-of", DAY)
    succeed(counted, "engagement-daily", "-m", JOBS, "backfill", "--from", "2023-12-01", "--to", "2023-12-02")
    explain = ("engagement-explain", "-m", JOBS)
    succeed(counted, *explain, "export", "--as-of", DAY, str(file))
    return Told(
        succeed(counted, *explain, "explain", "intel.com", "--as-of", DAY).out,
        succeed(counted, "engagement-runs", "-m", JOBS, "runs", "--output", "json"),
        file,
        succeed(counted, *explain, "daily", "--as-of", DAY, "--dry-run", "--output", "json"),
        succeed(counted, "engagement-subscriber", "examples/subscriber.py", "--once").out,
    )


@pytest.fixture(scope="session")
def unsettled(counted: System, published: Told) -> dict[bytes, bytes]:
    """Slots with all kinds of work to do; what is returned is how they are stored then.

    actions/0 was emptied, so the next write to it drops strings; actions/1 and accounts/1 have writes to repeat;
    actions/2 is new, so that the published runs tell whether it was counted before; some records are rejects.
    """
    assert published.runs.records
    rebuilt = succeed(counted, "engagement-rebuild", "-m", STREAM, "rebuild", "--topic", "actions", "--partition", "0")
    assert "is counted again from offset 0" in rebuilt.out
    counted.admin_kafka.create_partitions([NewPartitions("engagement.actions", 3)])["engagement.actions"].result()
    reject = Event("engagement.actions", 1, {"account_id": "intel.com"})
    produce(counted, [*map(action, range(3)), reject, *map(account, range(2))])
    return counted.keys()
