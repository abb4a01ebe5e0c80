"""The broker's jars: fetched once per version by Maven, kept in the user's cache."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

from services.errors import ServiceError, with_log

POM = Path(__file__).with_name("pom.xml")


def kafka_version() -> str:
    """Return the version that pom.xml names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    if found is None:
        raise ServiceError(f"{POM} names no kafka.version.")
    return found[1]


def jars() -> Path:
    """Return the folder with the broker's jars, fetching them when they are not there. Raises ServiceError.

    Any number of processes may ask at once: one fetches, the others wait for it.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "engagement-scoring"
    folder = home / f"kafka-{kafka_version()}"
    if not folder.exists():
        home.mkdir(parents=True, exist_ok=True)
        with (home / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceError("Neither Docker nor Maven found: start Docker, or install Maven and Java 17 or newer.")
    log, partial = folder.with_name(f"{folder.name}.log"), folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with log.open("wb") as said:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        ended = subprocess.run(
            [maven, "-q", "-B", "-f", str(POM), *goal], stdout=said, stderr=subprocess.STDOUT, check=False
        )
    if ended.returncode != 0:
        raise with_log("Maven could not fetch the Kafka broker; it needs to reach a Maven repository once.", log)
    partial.rename(folder)  # whole or not at all, whatever happens to us
