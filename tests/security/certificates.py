"""Certificates of a test's own: an authority, servers and clients that it vouches for, and one that ran out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

HOST = "127.0.0.1"
_DAY = timedelta(days=1)


class Authority:
    """An authority whose certificates lie in `folder`; `file` is what those who trust it are given."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.file = folder / "ca.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(str(self.file))

    def server(self) -> tuple[Path, Path]:
        """The certificate and the key of a server at HOST."""
        return self._write("server", self._authority.issue_cert(HOST, common_name="server"))

    def expired(self) -> tuple[Path, Path]:
        """The same, of a server that should have got a new certificate yesterday."""
        yesterday = datetime.now(UTC) - _DAY
        issued = self._authority.issue_cert(HOST, not_before=yesterday - _DAY, not_after=yesterday)
        return self._write("expired", issued)

    def client(self, name: str, password: str | None = None) -> tuple[Path, Path]:
        """The certificate and the key, under a password where one is given, of a client that is called so."""
        return self._write(name, self._authority.issue_cert(f"{name}.test", common_name=name), password)

    def _write(self, name: str, issued: trustme.LeafCert, password: str | None = None) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.write_bytes(_pkcs8(issued.private_key_pem.bytes(), password))
        return certificate, key


def _pkcs8(key: bytes, password: str | None) -> bytes:
    """The form of a key that Kafka takes."""
    secured = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secured)
