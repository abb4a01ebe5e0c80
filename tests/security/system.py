"""One system on secured servers, its users as the document grants them, and commands run by any of them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from redis import Redis

from tests.acceptance.engine import ROOT, Finished
from tests.security import forked
from tests.security.certificates import Authority
from tests.security.granted import Grant
from tests.security.secured import ADMIN, MECHANISM, SecuredKafka, SecuredRedis

SECONDS = 110.0
"""More than a command waits, with as much again for a busy machine."""
SECRET = "s3cr3t/word@"  # noqa: S105
"""How every password starts."""
_OPERATIONS = MappingProxyType({one.name.replace("_", ""): one for one in AclOperation})


def password_of(user: str) -> str:
    """Recognisable wherever it turns up, and another thing once it is percent-encoded."""
    return f"{SECRET}{user}"


@dataclass(frozen=True)
class System:
    """`admin_redis` and `admin_kafka` may do everything; `said` is all that commands wrote to stdout and stderr."""

    kafka: SecuredKafka
    redis: SecuredRedis
    authority: Authority
    admin_kafka: AdminClient
    admin_redis: Redis
    said: list[str] = field(default_factory=list)

    def grant(self, wanted: Iterable[Grant]) -> None:
        """Make the users, each with exactly these rights."""
        granted = list(wanted)
        logins: list[UserScramCredentialAlteration] = [_login(one.user) for one in granted]
        for login in self.admin_kafka.alter_user_scram_credentials(logins).values():
            login.result()
        acls = [binding for one in granted for binding in _bindings(one)]
        for acl in self.admin_kafka.create_acls(acls).values():
            acl.result()
        for one in granted:
            if one.redis:
                self.may(one.user, "reset", "on", f">{password_of(one.user)}", *one.redis)

    def may(self, user: str, *rule: str) -> None:
        """Change what a user may do in Redis."""
        self.admin_redis.execute_command("ACL", "SETUSER", user, *rule)  # type: ignore[no-untyped-call]

    def kafka_settings(self, user: str, **other: str) -> dict[str, str]:
        """The [kafka] table of a user; `other` settings have _ for . in their names."""
        login = {"sasl.mechanism": MECHANISM, "sasl.username": user, "sasl.password": password_of(user)}
        tls = {"security.protocol": "SASL_SSL", "ssl.ca.location": str(self.authority.file)}
        return tls | login | {name.replace("_", "."): value for name, value in other.items()}

    def env(self, user: str, **changes: str) -> dict[str, str]:
        """The environment for a command of this user."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGEMENT_")}
        return {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.address,
            "REDIS_URL": self.redis.url_of(user, encoded(password_of(user))),
            "ENGAGEMENT_KAFKA": json.dumps(self.kafka_settings(user)),
            "ENGAGEMENT_WAIT_SECONDS": "20",
            **changes,
        }

    def start(self, user: str, *command: str, **changes: str) -> "subprocess.Popen[bytes]":
        """`python command...` as this user; `changes` go to its environment."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.env(user, **changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def call(self, user: str, *command: str, **changes: str) -> Finished:
        """As `start`, to its end; fails where that takes over SECONDS."""
        return self.finish(self.start(user, *command, **changes))

    def finish(self, process: "subprocess.Popen[bytes]") -> Finished:
        """How a process ends; fails where that takes over SECONDS."""
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{process.args!r} took over {SECONDS:g} s; stderr:\n{err.decode()}") from None
        return self.heard(Finished(process.returncode, out.decode(), err.decode()))

    def fork(self, user: str, module: str, *args: str, **changes: str) -> Finished:
        """As `call`, for one of the two commands, and in a fraction of the time."""
        return self.heard(forked.call(self.env(user, **changes), module, args, SECONDS))

    def fork_in(self, env: Mapping[str, str], module: str, *args: str) -> Finished:
        """As `fork`, with nothing else in the environment."""
        return self.heard(forked.call(env, module, args, SECONDS))

    def heard(self, done: Finished) -> Finished:
        """Take note of what a command said."""
        self.said.extend((done.out, done.err))
        return done

    def keys(self) -> dict[bytes, bytes]:
        """All slots as they are stored."""
        names = list(self.admin_redis.scan_iter(match="{*", count=1000))
        values = cast("list[bytes]", self.admin_redis.mget(names) if names else [])
        return dict(zip(names, values, strict=True))

    def restore(self, keys: dict[bytes, bytes]) -> None:
        """Make the slots what they were."""
        surplus = self.keys().keys() - keys.keys()
        if surplus:
            self.admin_redis.unlink(*surplus)
        self.admin_redis.mset(keys)


def admin_of(kafka: SecuredKafka, authority: Authority) -> AdminClient:
    """The client of whoever runs the cluster, who logs in by a certificate."""
    certificate, key = authority.client(ADMIN)
    return AdminClient(
        {
            "bootstrap.servers": kafka.by_certificate,
            "security.protocol": "SSL",
            "ssl.ca.location": str(authority.file),
            "ssl.certificate.location": str(certificate),
            "ssl.key.location": str(key),
        }
    )


def encoded(password: str) -> str:
    """A password as it stands in an address."""
    return "".join(one if one.isalnum() else f"%{ord(one):02X}" for one in password)


def _login(user: str) -> UserScramCredentialUpsertion:
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    return UserScramCredentialUpsertion(user, info, password_of(user).encode())


def _bindings(grant: Grant) -> Iterable[AclBinding]:
    for right in grant.kafka:
        pattern = ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL
        yield AclBinding(
            ResourceType[right.resource],
            right.name,
            pattern,
            f"User:{grant.user}",
            "*",
            _OPERATIONS[right.operation.upper()],
            AclPermissionType.ALLOW,
        )
