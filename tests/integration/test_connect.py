import socket
from collections.abc import Callable, Iterator

import pytest

from schemas.exits import ConfigurationError, Unavailable
from schemas.settings import Settings, load_settings
from services.redis import LocalRedis
from store.connect import connect_redis, kafka_admin, kafka_config, kafka_consumer, wait_for_kafka, wait_for_redis


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def settings(closed_port: int = 1, **given: str) -> Settings:
    nowhere = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{closed_port}",
        "REDIS_URL": f"redis://user:hush@127.0.0.1:{closed_port}/0",
    }
    return load_settings({**nowhere, **given})


def test_a_redis_that_is_not_there_is_named_without_the_password(closed_port: int) -> None:
    nowhere = settings(closed_port)
    with pytest.raises(Unavailable) as caught:
        wait_for_redis(connect_redis(nowhere), nowhere, seconds=0.5)
    text = str(caught.value)
    assert text.startswith(f"Redis at 127.0.0.1:{closed_port} not reachable for 0.5 s: ")
    assert text.endswith("; start it or set REDIS_URL")
    assert "hush" not in text
    assert caught.value.exit == 1


def test_a_kafka_that_is_not_there_is_named(closed_port: int) -> None:
    nowhere = settings(closed_port)
    with pytest.raises(
        Unavailable, match=f"Kafka at 127.0.0.1:{closed_port} not reachable for 0.5 s: .*; start it or set"
    ):
        wait_for_kafka(kafka_admin(nowhere), nowhere, seconds=0.5)


def test_a_refused_login_is_wrong_configuration_at_once(redis_url: str) -> None:
    wrong = settings(REDIS_URL=redis_url.replace("redis://", "redis://nobody:hush@"))
    with pytest.raises(ConfigurationError, match="refused the login") as caught:
        wait_for_redis(connect_redis(wrong), wrong)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("option", ["hush=1", "db=hush", "protocol=hush"])
def test_an_option_of_the_address_that_the_driver_refuses_is_not_shown(option: str) -> None:
    with pytest.raises(ConfigurationError, match=r"redis_url \(cache:1\) cannot be used; set REDIS_URL") as caught:
        connect_redis(settings(REDIS_URL=f"redis://user:hush@cache:1/0?{option}"))
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_redis_that_quotes_the_login_it_does_not_know_shows_no_password(
    local_redis: Callable[[], LocalRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = LocalRedis.command

    def without_login(server: LocalRedis) -> list[str]:
        command = plain(server)
        with server.settings_file.open("a") as written:
            written.write('rename-command HELLO ""\nrename-command AUTH ""\n')
        return command

    monkeypatch.setattr(LocalRedis, "command", without_login)
    wrong = settings(REDIS_URL=local_redis().url.replace("redis://", "redis://user:hush@"))
    with pytest.raises(Unavailable, match="unknown command") as caught:
        wait_for_redis(connect_redis(wrong), wrong, seconds=0.1)
    assert "hush" not in str(caught.value)


def test_services_that_are_there_are_waited_for_no_time(kafka: str, redis_url: str) -> None:
    there = settings(KAFKA_BOOTSTRAP_SERVERS=kafka, REDIS_URL=redis_url)
    wait_for_redis(connect_redis(there), there)
    wait_for_kafka(kafka_admin(there), there)


@pytest.mark.parametrize("kafka_settings", ['{"no.such": "thing"}', '{"fetch.min.bytes": "many"}'])
def test_a_setting_that_librdkafka_refuses_is_wrong_configuration(kafka_settings: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Kafka client settings: .*ENGAGEMENT_KAFKA"):
        kafka_admin(settings(ENGAGEMENT_KAFKA=kafka_settings))


def test_settings_reach_every_client_and_ours_win() -> None:
    config = kafka_config(settings(ENGAGEMENT_KAFKA='{"client.id": "mine"}'), **{"group.id": "g"})
    assert (config["client.id"], config["group.id"]) == ("mine", "g")
    kafka_consumer(settings(), **{"group.id": "g"}).close()
