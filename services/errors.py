"""What goes wrong with local services, as one message a person can act on."""

import re
from pathlib import Path

_SHOWN = 12
_TROUBLE = re.compile(r"error|fatal|exception|fail|in use|denied|cannot", re.IGNORECASE)


class ServiceError(Exception):
    """A service cannot be had; the message says what, where and what to do."""


def with_log(message: str, log: Path, since: int = 0) -> ServiceError:
    """Name the log file and quote its last lines from byte `since` on, those about trouble where there are any."""
    try:
        lines = log.read_bytes()[since:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    # A broker that ends says in hundreds of lines after the one that matters how well its parts are shutting down.
    telling = [line for line in lines if _TROUBLE.search(line) and " INFO " not in line] or lines
    quoted = "".join(f"\n  | {line}" for line in telling[-_SHOWN:]) or "\n  | (empty)"
    return ServiceError(f"{message}\nLog: {log}, where it says:{quoted}")
