"""Redis with the data of an earlier moment, as after a restored backup or a failover to a replica that was behind."""

import shutil

from services.redis import LocalRedis


def keep_copy(server: LocalRedis) -> str:
    """Copy the data as it is now."""
    copy = server.folder / "older"
    shutil.copytree(server.data_dir, copy)
    return str(copy)


def roll_back(server: LocalRedis, older: str) -> None:
    """Start again with data that `keep_copy` kept."""
    server.kill()
    shutil.rmtree(server.data_dir)
    shutil.copytree(older, server.data_dir)
    server.start()
