"""No secret is in anything that a command said, nor in its command line, whether it worked or not."""

import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.security.mistakes import Attempt
from tests.security.story import STREAM, Told
from tests.security.system import SECRET, System, encoded, password_of

pytestmark = pytest.mark.timeout(600)  # the first of them waits for a whole system to be set up

LAG = (STREAM, "lag", "--output", "json")


def written(secret: str) -> set[str]:
    """The secret in every form in which it may turn up; in base64 it may stand at any place of a longer text."""
    shifted = (
        b64encode(b"x" * before + secret.encode()).decode().rstrip("=")[3 if before else 0 : -2] for before in range(3)
    )
    texts = {secret, encoded(secret), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return {form.lower() for form in (*texts, secret.encode().hex())} | {f"{part}" for part in shifted}


def betrayed(text: str) -> list[str]:
    return [form for form in written(SECRET) if form in text or form in text.lower()]


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_secret_is_found_in_any_form(before: str) -> None:
    told = before + password_of("somebody")
    for text in (
        told,
        encoded(told),
        quote(told),
        b64encode(told.encode()).decode(),
        json.dumps(told),
        told.encode().hex(),
    ):
        assert betrayed(f"an error with {text} in it")


def test_a_key_under_a_password_works_and_is_not_shown(counted: System) -> None:
    certificate, key = counted.authority.client("engagement-lag", password_of("key"))
    settings = {
        "security.protocol": "SSL",
        "ssl.ca.location": str(counted.authority.file),
        "ssl.certificate.location": str(certificate),
        "ssl.key.location": str(key),
        "ssl.key.password": password_of("key"),
        "debug": "all",
    }
    place = {"KAFKA_BOOTSTRAP_SERVERS": counted.kafka.by_certificate, "ENGAGEMENT_KAFKA": json.dumps(settings)}
    done = counted.fork("engagement-lag", *LAG, **place)
    assert done.code == 0, done.err


def test_settings_of_a_file_work_and_are_not_shown(counted: System, tmp_path: Path) -> None:
    user, file = "engagement-lag", tmp_path / "engagement.toml"
    kafka = "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in counted.kafka_settings(user, debug="all").items()
    )
    address = counted.redis.url_of(user, encoded(password_of(user)))
    file.write_text(f"redis_url = {json.dumps(address)}\n[kafka]\n{kafka}")
    env = counted.env(user, ENGAGEMENT_CONFIG=str(file))
    done = counted.fork_in({name: env[name] for name in env.keys() - {"REDIS_URL", "ENGAGEMENT_KAFKA"}}, *LAG)
    assert done.code == 0, done.err


def test_nothing_that_was_said_holds_a_secret(
    counted: System, published: Told, mistaken: Mapping[str, Attempt]
) -> None:
    for attempt in mistaken.values():
        attempt.done.result()
    assert published.read
    assert len(counted.said) > 2 * len(mistaken)
    assert [text for text in counted.said if betrayed(text)] == []
