"""Settings come from the environment and a TOML file; a wrong one is named with value and fix, never a secret."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.exits import ConfigurationError, Exit
from schemas.settings import Settings, load_settings
from schemas.settings_fields import redis_place

ADDRESSES = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "REDIS_URL": "redis://:hunter2@redis:6379/0"}


def toml(folder: Path, text: str) -> dict[str, str]:
    path = folder / "engagement.toml"
    path.write_text(text, encoding="utf-8")
    return {"ENGAGEMENT_CONFIG": str(path)}


def complaint(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(environ)
    message = str(raised.value)
    assert raised.value.exit is Exit.USAGE
    assert "\n" not in message
    assert "hunter2" not in message
    return message


def test_the_two_addresses_are_all_that_must_be_given() -> None:
    settings = load_settings(ADDRESSES)

    assert (settings.timezone, settings.score_basis) == ("UTC", "actions")
    assert (settings.lateness_days, settings.retention_days, settings.wait_seconds) == (3, 400, 600)
    assert settings.max_record_bytes == 1024 * 1024


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_is_missing_is_named_with_its_variable(name: str) -> None:
    assert f"set {name}" in complaint({key: value for key, value in ADDRESSES.items() if key != name})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, 'timezone = "Europe/Berlin"\nlateness_days = 5\nredis_url = "redis://other"\n')

    settings = load_settings(ADDRESSES | file | {"ENGAGEMENT_LATENESS_DAYS": "7"})

    assert (settings.timezone, settings.lateness_days) == ("Europe/Berlin", 7)
    assert settings.redis_url == ADDRESSES["REDIS_URL"]


def test_lists_and_tables_are_json_in_the_environment_and_toml_in_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, 'login_actions = ["login"]\nunscored_statuses = ["b", "a", "b"]\n[weights]\nlogin = 5\n')
    environ = {"ENGAGEMENT_LOGIN_ACTIONS": '["sso", "login"]', "ENGAGEMENT_WEIGHTS": '{"export": 7}'}

    from_file = load_settings(ADDRESSES | file)
    from_both = load_settings(ADDRESSES | file | environ)

    assert (from_file.login_actions, from_file.weights) == (("login",), {"login": 5})
    assert from_file.unscored_statuses == ("a", "b")
    assert (from_both.login_actions, from_both.weights) == (("login", "sso"), {"export": 7})


def test_kafka_settings_are_texts_under_dotted_names_however_they_are_written(tmp_path: Path) -> None:
    file = toml(tmp_path, '[kafka]\nsecurity.protocol = "SSL"\n"socket.keepalive.enable" = true\nlinger.ms = 5\n')

    assert load_settings(ADDRESSES | file).kafka == {
        "security.protocol": "SSL",
        "socket.keepalive.enable": "true",
        "linger.ms": "5",
    }


@pytest.mark.parametrize(
    "key",
    [
        "group.id",
        "isolation.level",
        "enable.auto.commit",
        "auto.offset.reset",
        "enable.partition.eof",
        "transactional.id",
    ],
)
def test_kafka_settings_that_the_guarantees_rest_on_are_refused(key: str, tmp_path: Path) -> None:
    assert key in complaint(ADDRESSES | {"ENGAGEMENT_KAFKA": f'{{"{key}": "x"}}'})
    assert key in complaint(ADDRESSES | toml(tmp_path, f'[kafka]\n{key} = "x"\n'))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RETENTION_DAYS", "92", "greater than or equal to 93"),
        ("RETENTION_DAYS", "93.5", "valid integer"),
        ("RETENTION_DAYS", '"400"', "valid integer"),
        ("RETENTION_DAYS", "many", "expected JSON"),
        ("RETENTION_DAYS", "NaN", "expected JSON"),
        ("LATENESS_DAYS", "-1", "greater than or equal to 0"),
        ("LATENESS_DAYS", "true", "valid integer"),
        ("SCORE_BASIS", "minutes", "'actions' or 'time_spent'"),
        ("TIMEZONE", "Mars/Base", "IANA"),
        ("TOPIC_PREFIX", "a b", "pattern"),
        ("TOPIC_PREFIX", "a\n", "pattern"),
        ("WAIT_SECONDS", "-1", "greater than or equal to 0"),
        ("MAX_RECORD_BYTES", "0", "greater than or equal to 1"),
        ("MAX_ACCOUNTS", "0", "greater than or equal to 1"),
        ("MAX_USERS", "100000001", "less than or equal to 100000000"),
        ("MAX_ACTIONS", "1e3", "valid integer"),
        ("MAX_PROFILES", "-1", "greater than or equal to 1"),
        ("MAX_SERIES", "4294967296", "less than or equal to 100000000"),
        ("MAX_NAME_BYTES", "0", "greater than or equal to 1"),
        ("MAX_ACCOUNT_RECORDS", "null", "valid integer"),
        ("WEIGHTS", '{"login": 0}', "weights.login"),
        ("WEIGHTS", '{"login": 101}', "weights.login"),
        ("WEIGHTS", '{"login": 1.5}', "weights.login"),
        ("WEIGHTS", '{"": 1}', "at least 1 character"),
        ("LOGIN_ACTIONS", "login", "expected JSON"),
        ("LOGIN_ACTIONS", '"login"', "expected a list"),
        ("FEATURE_ACTIONS", '["\\ud800"]', "unicode"),
        ("USER_SCORES", "yes", "expected JSON"),
        ("UNSCORED_STATUSES", "[" * 100_000, "expected JSON"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_what_is_expected(name: str, value: str, said: str) -> None:
    message = complaint(ADDRESSES | {f"ENGAGEMENT_{name}": value})

    assert message.startswith(f"ENGAGEMENT_{name} is ")
    assert said in message


def test_lateness_cannot_be_over_retention() -> None:
    assert "lateness_days (101)" in complaint(
        ADDRESSES | {"ENGAGEMENT_RETENTION_DAYS": "100", "ENGAGEMENT_LATENESS_DAYS": "101"}
    )


@pytest.mark.parametrize("name", ["ENGAGEMENT_TIME_ZONE", "ENGAGEMENT_REDIS_URL", "ENGAGEMENT_timezone"])
def test_an_unknown_variable_is_refused(name: str) -> None:
    assert complaint(ADDRESSES | {name: "hunter2"}).startswith(f"{name} is no setting")


def test_an_unknown_key_of_the_file_is_refused_with_the_file(tmp_path: Path) -> None:
    assert complaint(ADDRESSES | toml(tmp_path, "time_zone = 1\n")).startswith(f"time_zone in {tmp_path}")


def test_a_wrong_value_of_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    message = complaint(ADDRESSES | toml(tmp_path, "retention_days = 5\n"))

    assert message.startswith(f"retention_days in {tmp_path}")
    assert " is 5: " in message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "No such file" in complaint(ADDRESSES | {"ENGAGEMENT_CONFIG": str(tmp_path / "none.toml")})
    assert "not valid TOML" in complaint(ADDRESSES | toml(tmp_path, "timezone = \n"))


def test_a_file_deep_in_its_folders_is_named_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "a-folder-with-a-long-name" / "and-one-in-it-that-is-no-shorter" / "and-a-third-of-them"
    folder.mkdir(parents=True)

    for content in ("timezone = \n", "time_zone = 1\n", "retention_days = 5\n"):
        environ = ADDRESSES | toml(folder, content)
        assert environ["ENGAGEMENT_CONFIG"] in complaint(environ)


@pytest.mark.parametrize("url", ["http://:hunter2@redis", "redis://", "hunter2", "redis://[hunter2", ""])
def test_a_wrong_redis_address_is_never_shown(url: str) -> None:
    assert complaint(ADDRESSES | {"REDIS_URL": url}).startswith("REDIS_URL is not accepted")


@pytest.mark.parametrize(
    "url",
    [
        "redis://engine:hunter2#tail@cache",
        "redis://engine:abc@hunter2/xyz@cache",
        "redis://engine:abc/hunter2@cache",
        "redis://engine:abc?hunter2@cache",
        "redis://engine:abc@hunter2@cache",
        "redis://cache?password=a@hunter2",
        "redis://engine:hunter2",
        "redis://engine:hunter2#tail",
        "redis://engine:hunter2/tail",
        "redis://engine:12#hunter2",
        "redis://cache:6379:hunter2",
        "redis://cache:",
        "redis://cache:65536/hunter2",
        "redis://engine:[hunter2@cache",
        "redis://engine:[hunter2]@cache",
        "redis://engine:hunter2℀@cache",
        "redis://engine:hunter2@ca%23che",
        "redis://engine:hunter2 tail@cache",
        "redis://engine:hunter2\ttail@cache",
        "REDIS://engine:hunter2@cache",
        "redis:hunter2@cache",
        "redis://engine:hunter2@:6379",
        "unix://engine:hunter2/run/redis.sock",
        "unix://engine:abc/hunter2@/run/redis.sock",
        "unix://engine:abc#hunter2@/run/redis.sock",
        "unix://engine:hunter2@",
    ],
)
def test_a_redis_address_whose_password_may_stand_elsewhere_is_refused_and_not_shown(url: str) -> None:
    message = complaint(ADDRESSES | {"REDIS_URL": url})

    assert message.startswith("REDIS_URL is not accepted: ")
    assert "tail" not in message


@pytest.mark.parametrize("sign", "@#/?: ")
def test_a_password_with_a_sign_that_leads_elsewhere_is_accepted_percent_encoded(sign: str) -> None:
    with_sign = "redis://engine:hunter2" + sign + "tail@cache:6379/0"
    encoded = with_sign.replace("2" + sign, f"2%{ord(sign):02X}")

    assert load_settings(ADDRESSES | {"REDIS_URL": encoded}).redis_url == encoded
    if sign != ":":
        assert "percent-encode" in complaint(ADDRESSES | {"REDIS_URL": with_sign})


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://cache", "cache"),
        ("redis://:hunter2@cache_1.internal-net:6379/0?socket_keepalive=yes", "cache_1.internal-net:6379"),
        ("rediss://engine:a:b@[fe80::1%25eth0]:6380", "[fe80::1%25eth0]:6380"),
        ("unix:///run/redis.sock?db=3", "/run/redis.sock"),
        ("unix://engine:hunter2@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_of_a_redis_address_only_host_and_port_or_the_socket_are_shown(url: str, place: str) -> None:
    assert redis_place(load_settings(ADDRESSES | {"REDIS_URL": url}).redis_url) == place


def test_a_wrong_kafka_setting_is_never_shown() -> None:
    assert "kafka.sasl.password" in complaint(ADDRESSES | {"ENGAGEMENT_KAFKA": '{"sasl.password": ["hunter2"]}'})
    assert "ENGAGEMENT_KAFKA" in complaint(ADDRESSES | {"ENGAGEMENT_KAFKA": "hunter2"})


def test_secrets_are_not_in_the_text_form_of_settings() -> None:
    settings = load_settings(ADDRESSES | {"ENGAGEMENT_KAFKA": '{"sasl.password": "hunter2"}'})

    assert "hunter2" not in repr(settings) + str(settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings(ADDRESSES).timezone = "UTC"  # type: ignore[misc]  # that it is refused is the claim


def test_the_prefix_is_part_of_all_names() -> None:
    settings = load_settings(ADDRESSES | {"ENGAGEMENT_TOPIC_PREFIX": "t."})

    assert (settings.group_id, settings.transactional_id) == ("t.stream", "t.daily")
    assert (settings.topics.actions, settings.topics.user_scores) == ("t.actions", "t.user-scores")


def test_the_run_configuration_holds_the_settings_that_decide_figures() -> None:
    settings: Settings = load_settings(ADDRESSES | {"ENGAGEMENT_WEIGHTS": '{"login": 5}'})

    assert settings.run_config.weights == {"login": 5}
    assert settings.run_config.retention_days == settings.retention_days
