"""What is wrong from outside is said in one line, with the exit code that scripts rely on, and never on stdout."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.redis import LocalRedis
from tests.acceptance.engine import Engine, Finished, Put, action_puts, produce
from tests.acceptance.published import manifests

GIVES_UP_SECONDS = 30
DAILY = ("jobs.cli", "daily", "--as-of", "2024-05-01", "--output", "json")
ONE_LINE_COMMANDS = {
    "daily": DAILY,
    "dry run": (*DAILY, "--dry-run"),
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
                    future = pool.submit(broken.call, *command, seconds=GIVES_UP_SECONDS + 25)
                    wanted[f"{name}, {variable} {port}"] = (variable, port, future)
    for name, (variable, port, future) in wanted.items():
        finished = future.result()
        assert (name, finished.code, finished.out) == (name, 1, "")
        for part in (f"127.0.0.1:{port}", variable, variable.split("_")[0].capitalize()):
            assert part in finished.error, (name, finished.error)
        assert "secret" not in finished.error


def chosen(variable: str, *, quiet: bool) -> list[tuple[str, tuple[str, ...]]]:
    """The commands worth waiting for: topics never asks Redis; a silent server is the same for all."""
    names = {"daily", "run"} if quiet else set(ONE_LINE_COMMANDS) - ({"topics"} if variable == "REDIS_URL" else set())
    return [(name, command) for name, command in ONE_LINE_COMMANDS.items() if name in names]


def test_missing_topics_are_named_with_the_command_that_makes_them(engine: Engine) -> None:
    for name in ("daily", "explain", "lag", "rebuild", "run"):
        module, *arguments = ONE_LINE_COMMANDS[name]
        finished = engine.call(module, *arguments)
        assert (name, finished.code, finished.out) == (name, 1, ""), finished.err
        assert engine.prefix + "actions" in finished.error, name
        assert "topics --create" in finished.error, name


WRONG_SETTINGS = {
    "unknown variable": ({"ENGAGEMENT_LATENES_DAYS": "3"}, "ENGAGEMENT_LATENES_DAYS"),
    "unknown time zone": ({"ENGAGEMENT_TIMEZONE": "Mars/Olympus"}, "Mars/Olympus"),
    "path as time zone": ({"ENGAGEMENT_TIMEZONE": "../../etc/passwd"}, "timezone"),
    "no number": ({"ENGAGEMENT_LATENESS_DAYS": "three"}, "three"),
    "negative": ({"ENGAGEMENT_WAIT_SECONDS": "-1"}, "wait_seconds"),
    "retention under 93 days": ({"ENGAGEMENT_RETENTION_DAYS": "92"}, "92"),
    "unknown score basis": ({"ENGAGEMENT_SCORE_BASIS": "likes"}, "likes"),
    "prefix with a slash": ({"ENGAGEMENT_TOPIC_PREFIX": "a/b"}, "a/b"),
    "weight of 0": ({"ENGAGEMENT_WEIGHTS": '{"click":0}'}, "weights"),
    "weight of 101": ({"ENGAGEMENT_WEIGHTS": '{"click":101}'}, "101"),
    "weights that are no table": ({"ENGAGEMENT_WEIGHTS": "click=5"}, "ENGAGEMENT_WEIGHTS"),
    "no list": ({"ENGAGEMENT_UNSCORED_STATUSES": "Gold"}, "ENGAGEMENT_UNSCORED_STATUSES"),
    "address without a scheme": ({"REDIS_URL": "localhost:6379"}, "REDIS_URL"),
    "protected group.id": ({"ENGAGEMENT_KAFKA": '{"group.id":"mine"}'}, "group.id"),
    "protected isolation.level": ({"ENGAGEMENT_KAFKA": '{"isolation.level":"read_uncommitted"}'}, "isolation.level"),
    "protected enable.auto.commit": ({"ENGAGEMENT_KAFKA": '{"enable.auto.commit":true}'}, "enable.auto.commit"),
    "protected auto.offset.reset": ({"ENGAGEMENT_KAFKA": '{"auto.offset.reset":"latest"}'}, "auto.offset.reset"),
    "protected transactional.id": ({"ENGAGEMENT_KAFKA": '{"transactional.id":"x"}'}, "transactional.id"),
    "unknown Kafka setting": ({"ENGAGEMENT_KAFKA": '{"sesion.timeout.ms":1}'}, "sesion.timeout.ms"),
    "no such file": ({"ENGAGEMENT_CONFIG": "/nonexistent/engagement.toml"}, "/nonexistent/engagement.toml"),
}

WRONG_FILES = {
    "unknown key": ("latness_days = 3", "latness_days"),
    "unknown table": ("[weight]\nclick = 5", "weight"),
    "protected key": ('[kafka]\n"enable.auto.commit" = true', "enable.auto.commit"),
    "wrong type": ('lateness_days = "3"', "lateness_days"),
    "fractional weight": ("[weights]\nclick = 1.5", "click"),
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
    for variable in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"):
        finished = engine.without_env(variable).call(*DAILY)
        assert_refused(finished, variable, variable)


def test_the_environment_wins_over_the_file(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "engagement.toml"
    path.write_text('timezone = "Mars/Olympus"\nlateness_days = 5\n')
    configured = engine.with_env(ENGAGEMENT_CONFIG=str(path), ENGAGEMENT_TIMEZONE="Asia/Tokyo")
    configured.create_topics(1)


@pytest.mark.parametrize(
    "as_of", ["tomorrow", "2024-02-30", "2024-13-01", "20240501", "2024-05-01T00:00:00Z", "9999-12-31"]
)
def test_a_day_that_is_none_or_not_over_is_refused(engine: Engine, as_of: str) -> None:
    engine.create_topics(1)
    finished = engine.jobs("daily", "--as-of", as_of, "--output", "json")
    assert_refused(finished, as_of, as_of)


WRONG_WORDS = {
    ("jobs.cli", "dayly"): "dayly",
    ("jobs.cli", "daily", "--asof", "2024-05-01"): "--asof",
    ("jobs.cli", "daily", "--output", "yaml"): "yaml",
    ("jobs.cli", "explain"): "ACCOUNT",
    ("stream.cli", "run", "--workers", "0"): "--workers",
    ("stream.cli", "rebuild", "--partition", "x"): "x",
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


def test_a_running_worker_waits_for_redis_and_loses_nothing(
    engine: Engine, local_redis: Callable[[], LocalRedis]
) -> None:
    own = local_redis()
    engine = engine.with_env(REDIS_URL=own.url)
    engine.create_topics(1)
    topic = engine.prefix + "actions"
    value = b'{"account_id":"acme","action":"click","timestamp":"2024-05-01T10:00:00Z"}'
    with engine.workers(1):
        produce(engine.kafka, [Put(topic, b"acme", value)] * 100)
        assert engine.daily("2024-05-01", "--dry-run")[0]["actions"] == 100
        own.stop()
        produce(engine.kafka, [Put(topic, b"acme", value)] * 200)
        own.start()
        assert engine.daily("2024-05-01", "--dry-run")[0]["actions"] == 300
