"""A local Apache Kafka: one node, broker and controller in one process."""

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import ClassVar

from services.errors import ServiceError, with_log
from services.jars import jars
from services.server import LocalServer, free_port

_MEGABYTE = 1 << 20
_FOREVER = (1 << 63) - 1

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    # One node: nothing can be replicated, nothing waits for others.
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    # After a crash the node is let in again only when its former self has timed out.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    # Few files and small buffers, for a quick start in little memory.
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "log.cleaner.dedupe.buffer.size": 16 * _MEGABYTE,
    # A misspelt topic is an error; old and future stamps, big records and short sessions are none.
    "auto.create.topics.enable": "false",
    "log.message.timestamp.before.max.ms": _FOREVER,
    "log.message.timestamp.after.max.ms": _FOREVER,
    "log.retention.ms": -1,
    "message.max.bytes": 50 * _MEGABYTE,
    "replica.fetch.max.bytes": 50 * _MEGABYTE,
    "group.min.session.timeout.ms": 1_000,
    "group.consumer.min.session.timeout.ms": 1_000,
    "group.consumer.min.heartbeat.interval.ms": 500,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
}

_LOGGING = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""


class LocalKafka(LocalServer):
    """Keeps its topics in its folder over restarts."""

    name: ClassVar[str] = "Kafka"
    ready_line: ClassVar[bytes] = b"Kafka Server started"
    start_seconds: ClassVar[float] = 90

    def __init__(self, folder: Path, port: int | None = None, *, leashed: bool = True) -> None:
        super().__init__(folder, port, leashed=leashed)
        self.controller = f"127.0.0.1:{free_port()}"

    @property
    def address(self) -> str:
        """`host:port`, as bootstrap.servers wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings_file(self) -> Path:
        """Kafka's server.properties."""
        return self.folder / "server.properties"

    def command(self) -> list[str]:
        """Write the settings, format the data folder when it is new. Raises ServiceError."""
        logging = self.folder / "log4j2.properties"
        logging.write_text(_LOGGING)
        self.settings_file.write_text("".join(f"{key}={value}\n" for key, value in self.settings().items()))
        java = [_java(), "-XX:+UseSerialGC", "-cp", f"{jars()}/*", f"-Dlog4j2.configurationFile={logging.as_uri()}"]
        if not (self.data_dir / "meta.properties").exists():
            self._format(java)
        return [*java, "-Xms128m", "-Xmx512m", "kafka.Kafka", str(self.settings_file)]

    def settings(self) -> dict[str, object]:
        """Return what server.properties says."""
        return SETTINGS | {
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{self.controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.voters": f"1@{self.controller}",
            "log.dirs": self.data_dir,
        }

    def _format(self, java: list[str]) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        tool = [*java, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"]
        with self.log.open("ab") as said:
            ended = subprocess.run(
                # "=": an id may begin with "-"
                [*tool, f"--cluster-id={cluster}", "--config", str(self.settings_file)],
                stdout=said,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode != 0:
            raise with_log("Kafka's data folder could not be formatted.", self.log)


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    if java is None:
        raise ServiceError(
            "Java not found: install Java 17 or newer (Debian: openjdk-17-jre-headless), or start Docker."
        )
    return java
