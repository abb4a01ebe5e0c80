"""`/metrics`, `/livez` and `/readyz` over HTTP, served from threads of their own."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import msgspec
import structlog
from prometheus_client.exposition import choose_encoder

from schemas.exits import UsageError
from store.exposition import Figures, registry_of

log = structlog.get_logger()

CLIENT_SECONDS = 10.0
"""How long a client may keep its thread waiting for the next line of its question."""
_LAST_PORT = 65_535


class Health(msgspec.Struct, frozen=True):
    """Whether all is well, and if not, why not: one line each, in words for the person on call."""

    reasons: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reasons


class Answers(msgspec.Struct, frozen=True):
    """What is served. Each is called for every request, in a thread of that request."""

    metrics: Callable[[], Figures]
    live: Callable[[], Health]
    ready: Callable[[], Health]


class Address(msgspec.Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[IPV6]:PORT`, or `PORT` alone, which nobody reaches from another machine. Raises UsageError."""
    host, _, port = f"127.0.0.1:{text}".rpartition(":") if text.isdigit() else text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    plain = ":" not in host or host == f"[{bare}]"
    if not bare or not plain or not port.isascii() or not port.isdigit() or int(port) > _LAST_PORT:
        raise UsageError(f"{text!r} is no address to listen on; give HOST:PORT, such as 0.0.0.0:9309, or PORT")
    return Address(bare, int(port))


@contextmanager
def serving(address: Address, answers: Answers) -> Iterator[Address]:
    """Serve until the block ends; yields the address, with the port that was free where 0 was asked for.

    Raises UsageError where nobody can listen there.
    """
    try:
        server = _Server(address, answers)
    except OSError as error:
        text = f"cannot listen on {address}: {error.strerror}; choose another address, or end who has it"
        raise UsageError(text) from error
    thread = threading.Thread(target=server.serve_forever, name="serving", daemon=True)
    thread.start()
    bound = Address(address.host, server.server_address[1])
    log.info("serving", address=str(bound), paths=["/metrics", "/livez", "/readyz"])
    try:
        yield bound
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """Threads that end with the process: a client that reads slowly holds nothing up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: Address, answers: Answers) -> None:
        self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self.answers = answers
        super().__init__((address.host, address.port), _Request)


class _Request(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS
    server: _Server
    server_version = "engagement"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one question."""
        answers = self.server.answers
        match urlsplit(self.path).path:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._send(HTTPStatus.OK, encode(registry_of(answers.metrics())), content_type)
            case "/livez":
                self._send_health(answers.live())
            case "/readyz":
                self._send_health(answers.ready())
            case _:
                self._send(HTTPStatus.NOT_FOUND, b"/metrics, /livez, /readyz\n", "text/plain; charset=utf-8")

    def _send_health(self, health: Health) -> None:
        body = json.dumps({"ok": health.well, "reasons": health.reasons}) + "\n"
        status = HTTPStatus.OK if health.well else HTTPStatus.SERVICE_UNAVAILABLE
        self._send(status, body.encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a probe every second is no news."""
