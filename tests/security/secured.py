"""A Kafka and a Redis as in production: encrypted, with logins, and nobody may do what is not granted."""

from pathlib import Path

from services.kafka import LocalKafka
from services.redis import LocalRedis
from services.server import free_port
from tests.security.certificates import HOST, Authority

MECHANISM = "SCRAM-SHA-512"
ADMIN = "admin"
_NAMES = "SASL:SASL_SSL,EXPIRED:SASL_SSL,CERT:SSL,CONTROLLER:SSL"


class SecuredKafka(LocalKafka):
    """Logins by password at `address`, by certificate at `by_certificate`; `expired` has a certificate that ran out.

    A certificate's common name is the user. Rights are those granted by ACLs; `admin`, and the broker, may do all.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self._authority = authority
        self.by_certificate = f"{HOST}:{free_port()}"
        self.expired = f"{HOST}:{free_port()}"

    def settings(self) -> dict[str, object]:
        """With four listeners, all of them encrypted."""
        inside = {
            "listeners": f"SASL://{self.address},EXPIRED://{self.expired},CERT://{self.by_certificate},"
            f"CONTROLLER://{self.controller}",
            "advertised.listeners": f"SASL://{self.address},EXPIRED://{self.expired},CERT://{self.by_certificate}",
            "listener.security.protocol.map": _NAMES,
            "inter.broker.listener.name": "CERT",
            "sasl.enabled.mechanisms": MECHANISM,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:server;User:{ADMIN}",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+),.*$/$1/",
            "listener.name.cert.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
        }
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        for listener in ("sasl", "expired"):
            inside[f"listener.name.{listener}.{MECHANISM.lower()}.sasl.jaas.config"] = login
        return super().settings() | inside | self._stores("", *self._authority.server()) | self._expired()

    def _expired(self) -> dict[str, object]:
        return self._stores("listener.name.expired.", *self._authority.expired())

    def _stores(self, prefix: str, certificate: Path, key: Path) -> dict[str, object]:
        store = certificate.with_suffix(".store.pem")
        store.write_bytes(key.read_bytes() + certificate.read_bytes())
        return {
            f"{prefix}ssl.keystore.type": "PEM",
            f"{prefix}ssl.keystore.location": store,
            f"{prefix}ssl.truststore.type": "PEM",
            f"{prefix}ssl.truststore.location": self._authority.file,
        }


class SecuredRedis(LocalRedis):
    """Takes encrypted connections alone, and no commands of anybody who has not logged in."""

    def __init__(self, folder: Path, authority: Authority, password: str, *, expired: bool = False) -> None:
        super().__init__(folder)
        self._authority = authority
        self._password = password
        self._certificate, self._key = authority.expired() if expired else authority.server()

    def settings(self) -> dict[str, object]:
        """With its port for TLS, and one user beside the default one, who may do nothing."""
        return super().settings() | {
            "port": 0,
            "tls-port": self.port,
            "tls-cert-file": self._certificate,
            "tls-key-file": self._key,
            "tls-ca-cert-file": self._authority.file,
            "tls-auth-clients": "optional",
            "user": f"{ADMIN} on >{self._password} ~* &* +@all\nuser default off",
        }

    def url_of(self, user: str, password: str, *, ca: Path | None = None, scheme: str = "rediss") -> str:
        """What such a user sets REDIS_URL to; `password` as it stands in an address."""
        options = f"?ssl_ca_certs={ca or self._authority.file}" if scheme == "rediss" else ""
        return f"{scheme}://{user}:{password}@{HOST}:{self.port}/0{options}"
