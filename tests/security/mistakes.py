"""Commands whose settings do not fit the servers: each with what it must say."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.engine import Finished
from tests.security.certificates import Authority
from tests.security.secured import SecuredRedis
from tests.security.system import SECRET, System, encoded, password_of

LAG, RUN = ("stream.cli", "lag"), ("stream.cli", "run", "--log-format", "json")
CANARY = ("stream.cli", "canary")
DAILY = ("jobs.cli", "daily", "--as-of", "2023-11-30")
WRONG = f"{SECRET}wrong"


@dataclass(frozen=True)
class Place:
    """Where the servers and files are that a mistake is made with."""

    system: System
    strangers: Authority
    expired_redis: SecuredRedis
    folder: Path

    def kafka(self, user: str, **other: str) -> str:
        return json.dumps(self.system.kafka_settings(user, debug="all", **other))

    def certificate(self, user: str, password: str) -> str:
        """Settings of a client that logs in by a certificate, with this password for its key."""
        certificate, key = self.system.authority.client(user, f"{SECRET}key")
        tls = {"security.protocol": "SSL", "ssl.ca.location": str(self.system.authority.file), "debug": "all"}
        files = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}
        return json.dumps({**tls, **files, "ssl.key.password": password})

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True)
class Mistake:
    """A command as `user`, the exit code that it must have and words that its one line must have."""

    command: tuple[str, ...]
    code: int
    said: tuple[str, ...]
    user: str = "engagement-lag"


@dataclass(frozen=True)
class Attempt:
    """What a mistake came to, and how many seconds that took."""

    mistake: Mistake
    done: "Future[tuple[Finished, float]]"


NOT_TRUSTED = ("is not trusted", "certificate verify failed", "renew its certificate")
MISTAKES = {
    "kafka: wrong password": Mistake(LAG, 2, ("refused the login", "invalid credentials", "check sasl.*")),
    "kafka: other mechanism": Mistake(RUN, 2, ("refused the login", "SCRAM-SHA-512"), "engagement-run"),
    "kafka: untrusted certificate": Mistake(DAILY, 1, (*NOT_TRUSTED, "ssl.ca.location"), "engagement-daily"),
    "kafka: expired certificate": Mistake(LAG, 1, NOT_TRUSTED),
    "kafka: plaintext": Mistake(LAG, 1, ("not reachable for 30 s", "security.protocol")),
    "kafka: no login": Mistake(RUN, 1, ("not reachable for 30 s", "sasl.mechanism"), "engagement-run"),
    "kafka: no certificate": Mistake(LAG, 2, ("refused the client certificate", "ssl.certificate.location")),
    "kafka: wrong password of the key": Mistake(LAG, 2, ("ssl.key.location failed", "ENGAGEMENT_KAFKA")),
    "kafka: no token": Mistake(LAG, 1, ("not reachable for 30 s", "OAUTHBEARER")),
    "kafka: a list for a password": Mistake(LAG, 2, ("ENGAGEMENT_KAFKA is not accepted", "sasl.password")),
    "kafka: no table": Mistake(LAG, 2, ("ENGAGEMENT_KAFKA is not accepted",)),
    "kafka: settings of Java": Mistake(LAG, 2, ("Java JAAS", "ENGAGEMENT_KAFKA")),
    "redis: wrong password": Mistake(DAILY, 2, ("refused the login", "REDIS_URL"), "engagement-daily"),
    "redis: wrong password of a canary": Mistake(CANARY, 2, ("refused the login", "REDIS_URL"), "engagement-canary"),
    "redis: no login": Mistake(LAG, 2, ("refused the login",)),
    "redis: untrusted certificate": Mistake(
        RUN, 1, ("is not trusted", "self-signed", "ssl_ca_certs"), "engagement-run"
    ),
    "redis: expired certificate": Mistake(LAG, 1, ("is not trusted", "certificate has expired")),
    "redis: plaintext": Mistake(LAG, 1, ("not reachable for 30 s", "rediss://")),
    "redis: no such file": Mistake(LAG, 2, ("ssl_ca_certs", "/nowhere", "cannot be read")),
    "redis: password not encoded": Mistake(LAG, 2, ("REDIS_URL", "percent-encode")),
    "file: not TOML": Mistake(LAG, 2, ("wrong.toml", "not valid TOML")),
    "file: unknown setting": Mistake(LAG, 2, ("passwords", "is no setting")),
}


def changes(place: Place) -> dict[str, dict[str, str]]:
    """What is wrong about the environment of each."""
    system, lag, own = place.system, "engagement-lag", place.system.redis
    ca, other = str(system.authority.file), str(place.strangers.file)
    oauth = {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "c", "sasl.oauthbearer.scope": "s"}
    token = oauth | {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.client.secret": WRONG}
    token |= {"sasl.oauthbearer.token.endpoint.url": "https://127.0.0.1:9/token"}
    secured = {"security.protocol": "SASL_SSL", "ssl.ca.location": ca}
    return {
        "kafka: wrong password": {"ENGAGEMENT_KAFKA": place.kafka(lag, sasl_password=WRONG)},
        "kafka: other mechanism": {"ENGAGEMENT_KAFKA": place.kafka("engagement-run", sasl_mechanism="PLAIN")},
        "kafka: untrusted certificate": {"ENGAGEMENT_KAFKA": place.kafka("engagement-daily", ssl_ca_location=other)},
        "kafka: expired certificate": {"KAFKA_BOOTSTRAP_SERVERS": system.kafka.expired},
        "kafka: plaintext": {"ENGAGEMENT_KAFKA": place.kafka(lag, security_protocol="SASL_PLAINTEXT")},
        "kafka: no login": {"ENGAGEMENT_KAFKA": json.dumps(secured | {"security.protocol": "SSL"})},
        "kafka: no certificate": {
            "KAFKA_BOOTSTRAP_SERVERS": system.kafka.by_certificate,
            "ENGAGEMENT_KAFKA": json.dumps(secured | {"security.protocol": "SSL"}),
        },
        "kafka: wrong password of the key": {"ENGAGEMENT_KAFKA": place.certificate("stranger", WRONG)},
        "kafka: no token": {"ENGAGEMENT_KAFKA": json.dumps(secured | token)},
        "kafka: a list for a password": {"ENGAGEMENT_KAFKA": json.dumps({"sasl.password": [WRONG]})},
        "kafka: no table": {"ENGAGEMENT_KAFKA": json.dumps(WRONG)},
        "kafka: settings of Java": {"ENGAGEMENT_KAFKA": json.dumps({"sasl.jaas.config": f'password="{WRONG}";'})},
        "redis: wrong password": {"REDIS_URL": own.url_of("engagement-daily", encoded(WRONG))},
        "redis: wrong password of a canary": {"REDIS_URL": own.url_of("engagement-canary", encoded(WRONG))},
        "redis: no login": {"REDIS_URL": own.url_of("", "")},
        "redis: untrusted certificate": {
            "REDIS_URL": own.url_of("engagement-run", encoded(password_of("engagement-run")), ca=place.strangers.file)
        },
        "redis: expired certificate": {"REDIS_URL": place.expired_redis.url_of(lag, encoded(WRONG))},
        "redis: plaintext": {"REDIS_URL": own.url_of(lag, encoded(WRONG), scheme="redis")},
        "redis: no such file": {"REDIS_URL": own.url_of(lag, encoded(WRONG), ca=Path("/nowhere/ca.pem"))},
        "redis: password not encoded": {"REDIS_URL": own.url_of(lag, WRONG)},
        "file: not TOML": {"ENGAGEMENT_CONFIG": place.file("wrong.toml", f"[kafka]\nsasl.password = {WRONG}\n")},
        "file: unknown setting": {"ENGAGEMENT_CONFIG": place.file("more.toml", f'passwords = "{WRONG}"\n')},
    }


def attempts(system: System, mistakes: Mapping[str, Mistake], folder: Path) -> Iterator[dict[str, Attempt]]:
    """Make all mistakes at once, and wait for none."""
    strangers = Authority(folder / "strangers")
    expired = SecuredRedis(folder / "expired", system.authority, "unused", expired=True)
    expired.start()
    wrong = changes(Place(system, strangers, expired, folder))
    with ThreadPoolExecutor(len(mistakes)) as pool:
        yield {
            name: Attempt(one, pool.submit(_made, system, one.user, one.command, wrong[name]))
            for name, one in mistakes.items()
        }
    expired.stop()


def _made(system: System, user: str, command: Sequence[str], wrong: Mapping[str, str]) -> tuple[Finished, float]:
    started = time.monotonic()
    done = system.fork(user, *command, **wrong)
    return done, time.monotonic() - started
