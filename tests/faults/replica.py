"""A replica of the system's Redis, and the failover to it: clients of the old address reach the new server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from services.redis import LocalRedis
from tests.faults.append_only_file import put_back
from tests.support import wait_until

CHUNK = 1 << 16


class Replica:
    """A second Redis that follows the first one until it is cut off."""

    def __init__(self, primary: LocalRedis, folder: Path) -> None:
        self._primary = primary
        self.server = LocalRedis(folder)

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.server.url)

    def follow(self) -> None:
        """Start, and return once it has all that the primary has."""
        self.server.start()
        with self.client as client:
            client.replicaof("127.0.0.1", self._primary.port)
            wait_until(lambda: self._in_step(client), what="a replica in step")

    @staticmethod
    def _in_step(client: redis.Redis) -> bool:
        link = client.info("replication")
        rewriting = client.info("persistence")["aof_rewrite_in_progress"]
        return link["master_link_status"] == "up" and not link["master_sync_in_progress"] and not rewriting

    def cut_off(self) -> None:
        """Let it miss everything from now on, as behind a network that lost the link; it takes writes itself then."""
        with self.client as client:
            client.replicaof("no", "one")

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """The primary is gone and its address leads here. At the end it comes back with all that was written here."""
        self._primary.kill()
        with _address_moved(self._primary.port, self.server.port):
            yield
        self.server.stop()
        put_back(self._primary, self.server.data_dir)
        self._primary.start()


@contextmanager
def _address_moved(port: int, target: int) -> Iterator[None]:
    """Whoever connects to ``port`` of this machine is connected to ``target``."""
    ends: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=_accept, args=(listener, target, ends), name="moved", daemon=True).start()
        try:
            yield
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


def _accept(listener: socket.socket, target: int, ends: list[socket.socket]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target))
            ends += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=(source, sink), name="moved", daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
