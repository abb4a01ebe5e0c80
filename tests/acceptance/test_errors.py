"""What is wrong from outside is said in one line, with the exit code that scripts rely on, and never on stdout."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import LocalServer
from tests.acceptance.engine import Engine, Finished, Put, action_puts, produce
from tests.acceptance.published import manifests

GIVES_UP_SECONDS = 30
DAILY = ("jobs.cli", "daily", "--as-of", "2024-05-01", "--output", "json")
ONE_LINE_COMMANDS = {
    "daily": DAILY,
    "explain": ("jobs.cli", "explain", "acme", "--as-of", "2024-05-01"),
    "lag": ("stream.cli", "lag", "--output", "json"),
    "rebuild": ("stream.cli", "rebuild", "--partition", "0"),
    "topics": ("stream.cli", "topics", "--create", "--output", "json"),
    "run": ("stream.cli", "run"),
}


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that nobody can listen on while the block runs, and that refuses whoever connects."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and answers nothing, as the wrong service behind a firewall does."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


def unreachable(engine: Engine, variable: str, port: int) -> Engine:
    address = f"127.0.0.1:{port}"
    return engine.with_env(**{variable: f"redis://:secret@{address}/0" if variable == "REDIS_URL" else address})


def test_services_that_are_not_there_are_named_in_one_line_after_half_a_minute(engine: Engine) -> None:
    engine.create_topics(1)
    with refusing_port() as refusing, silent_port() as silent, ThreadPoolExecutor(32) as pool:
        wanted: dict[str, tuple[str, int, Future[Finished]]] = {}
        for variable in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"):
            for port in (refusing, silent):
                for name, command in chosen(variable, quiet=port == silent):
                    broken = unreachable(engine, variable, port)
                    future = pool.submit(broken.call, *command, seconds=GIVES_UP_SECONDS + 40)
                    wanted[f"{name}, {variable} {port}"] = (variable, port, future)
    for name, (variable, port, future) in wanted.items():
        finished = future.result()
        assert (name, finished.code, finished.out) == (name, 1, "")
        for part in (f"127.0.0.1:{port}", variable, variable.split("_")[0].capitalize()):
            assert part in finished.error, (name, finished.error)
        assert "secret" not in finished.error


def chosen(variable: str, *, quiet: bool) -> list[tuple[str, tuple[str, ...]]]:
    """The commands worth waiting for; all of them ask Kafka first but for run."""
    names = {"daily"} if quiet else set(ONE_LINE_COMMANDS) if "KAFKA" in variable else {"daily", "lag", "run"}
    return [(name, command) for name, command in ONE_LINE_COMMANDS.items() if name in names]


def test_missing_topics_are_named_with_the_command_that_makes_them(engine: Engine) -> None:
    def case(name: str) -> Callable[[], Finished]:
        return lambda: engine.call(*ONE_LINE_COMMANDS[name])

    results = all_of({name: case(name) for name in ONE_LINE_COMMANDS if name != "topics"})
    for name, finished in results.items():
        assert (name, finished.code, finished.out) == (name, 1, ""), finished.err
        assert engine.prefix + "actions" in finished.error, name
        assert "topics --create" in finished.error, name


WRONG_SETTINGS = {
    "unknown variable": ({"ENGAGEMENT_LATENES_DAYS": "3"}, "ENGAGEMENT_LATENES_DAYS"),
    "unknown time zone": ({"ENGAGEMENT_TIMEZONE": "Mars/Olympus"}, "Mars/Olympus"),
    "prefix with a slash": ({"ENGAGEMENT_TOPIC_PREFIX": "a/b"}, "a/b"),
    "weight of 101": ({"ENGAGEMENT_WEIGHTS": '{"click":101}'}, "101"),
    "no list": ({"ENGAGEMENT_UNSCORED_STATUSES": "Gold"}, "ENGAGEMENT_UNSCORED_STATUSES"),
    "address without a scheme": ({"REDIS_URL": "localhost:6379"}, "REDIS_URL"),
    "protected group.id": ({"ENGAGEMENT_KAFKA": '{"group.id":"mine"}'}, "group.id"),
    "protected transactional.id": ({"ENGAGEMENT_KAFKA": '{"transactional.id":"x"}'}, "transactional.id"),
    "unknown Kafka setting": ({"ENGAGEMENT_KAFKA": '{"sesion.timeout.ms":1}'}, "sesion.timeout.ms"),
    "no such file": ({"ENGAGEMENT_CONFIG": "/nonexistent/engagement.toml"}, "/nonexistent/engagement.toml"),
}

WRONG_FILES = {
    "unknown key": ("latness_days = 3", "latness_days"),
    "protected key": ('[kafka]\n"enable.auto.commit" = true', "enable.auto.commit"),
    "no TOML": ("lateness_days: 3", "engagement.toml"),
    "bytes that are no text": ("timezone = '\udcff'", "engagement.toml"),
}


def all_of(cases: dict[str, Callable[[], Finished]]) -> dict[str, Finished]:
    """Runs all, four at a time: starting a command is most of the work."""
    with ThreadPoolExecutor(4) as pool:
        futures = {name: pool.submit(case) for name, case in cases.items()}
    return {name: future.result() for name, future in futures.items()}


def assert_refused(finished: Finished, name: str, named: str) -> None:
    assert (name, finished.code, finished.out) == (name, 2, ""), finished.err
    assert named in finished.error, name


def test_a_wrong_setting_is_refused_by_name(engine: Engine) -> None:
    def case(changes: dict[str, str]) -> Callable[[], Finished]:
        return lambda: engine.with_env(**changes).call(*DAILY)

    results = all_of({name: case(changes) for name, (changes, _) in WRONG_SETTINGS.items()})
    for name, (_, named) in WRONG_SETTINGS.items():
        assert_refused(results[name], name, named)


def test_a_wrong_file_is_refused_by_name(engine: Engine, tmp_path: Path) -> None:
    def case(number: int, content: str) -> Callable[[], Finished]:
        path = tmp_path / str(number) / "engagement.toml"
        path.parent.mkdir()
        path.write_text(content, encoding="utf-8", errors="surrogateescape")
        return lambda: engine.with_env(ENGAGEMENT_CONFIG=str(path)).call("stream.cli", "run")

    cases = {name: case(number, content) for number, (name, (content, _)) in enumerate(WRONG_FILES.items())}
    results = all_of(cases)
    for name, (_, named) in WRONG_FILES.items():
        assert_refused(results[name], name, named)


def test_a_missing_address_is_asked_for(engine: Engine) -> None:
    def case(variable: str) -> Callable[[], Finished]:
        return lambda: engine.without_env(variable).call(*DAILY)

    results = all_of({variable: case(variable) for variable in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")})
    for variable, finished in results.items():
        assert_refused(finished, variable, variable)


def test_the_environment_wins_over_the_file(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "engagement.toml"
    path.write_text('timezone = "Mars/Olympus"\nlateness_days = 5\n')
    configured = engine.with_env(ENGAGEMENT_CONFIG=str(path), ENGAGEMENT_TIMEZONE="Asia/Tokyo")
    configured.create_topics(1)


NO_DAYS = ("tomorrow", "2024-02-30", "20240501", "2024-05-01T00:00:00Z", "9999-12-31")


def test_a_day_that_is_none_or_not_over_is_refused(engine: Engine) -> None:
    def case(as_of: str) -> Callable[[], Finished]:
        return lambda: engine.jobs("daily", "--as-of", as_of, "--output", "json")

    engine.create_topics(1)
    today = (datetime.now(UTC) + timedelta(hours=1)).date().isoformat()  # also if midnight comes while commands start
    results = all_of({as_of: case(as_of) for as_of in (*NO_DAYS, today)})
    for as_of, finished in results.items():
        assert_refused(finished, as_of, as_of)


WRONG_WORDS = {
    ("jobs.cli", "dayly"): "dayly",
    ("jobs.cli", "daily", "--asof", "2024-05-01"): "--asof",
    ("jobs.cli", "daily", "--output", "yaml"): "yaml",
    ("jobs.cli", "explain"): "account",
    ("stream.cli", "run", "--workers", "0"): "--workers",
    ("stream.cli", "rebuild", "--partition", "x"): "--partition",
}


def test_words_that_a_command_does_not_know_are_refused(engine: Engine) -> None:
    def case(words: tuple[str, ...]) -> Callable[[], Finished]:
        return lambda: engine.call(*words)

    results = all_of({" ".join(words): case(words) for words in WRONG_WORDS})
    for words, named in WRONG_WORDS.items():
        assert_refused(results[" ".join(words)], " ".join(words), named)


def test_input_that_is_not_complete_publishes_nothing(engine: Engine) -> None:
    engine.create_topics(2)
    actions = [{"account_id": "acme", "action": "click", "timestamp": "2024-05-01T10:00:00Z"}]
    produce(engine.kafka, action_puts(engine.prefix, actions))
    impatient = engine.with_env(ENGAGEMENT_WAIT_SECONDS="1")
    for flags in ((), ("--dry-run",)):
        finished = impatient.call(*DAILY, *flags)
        assert (finished.code, finished.out) == (3, "")
        assert engine.prefix + "actions" in finished.error
    assert manifests(engine) == []
    with engine.workers(1):
        assert [record["account_id"] for record in engine.daily("2024-05-01")] == ["acme"]
    assert len(manifests(engine)) == 1


def assert_outage_survived(engine: Engine, server: LocalServer, *, feedable: bool) -> None:
    """A worker counts 100 actions, then the server goes; 200 more come while it is away, or after where they can't."""
    value = b'{"account_id":"acme","action":"click","timestamp":"2024-05-01T10:00:00Z"}'
    put = Put(engine.prefix + "actions", b"acme", value)
    engine.create_topics(1)
    with engine.workers(1):
        produce(engine.kafka, [put] * 100)
        assert engine.daily("2024-05-01", "--dry-run")[0]["actions"] == 100
        server.stop()
        if feedable:
            produce(engine.kafka, [put] * 200)
        server.start()
        if not feedable:
            produce(engine.kafka, [put] * 200)
        assert engine.daily("2024-05-01", "--dry-run")[0]["actions"] == 300


def test_a_running_worker_waits_for_redis_and_loses_nothing(
    engine: Engine, local_redis: Callable[[], LocalRedis]
) -> None:
    own = local_redis()
    assert_outage_survived(engine.with_env(REDIS_URL=own.url), own, feedable=True)


def test_a_running_worker_waits_for_kafka_and_loses_nothing(
    engine: Engine, local_kafka: Callable[[], LocalKafka]
) -> None:
    own = local_kafka()
    assert_outage_survived(engine.with_env(KAFKA_BOOTSTRAP_SERVERS=own.address), own, feedable=False)
