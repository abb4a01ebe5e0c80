"""What goes wrong with local services, as one message a person can act on."""

from pathlib import Path

_TAIL = 15


class ServiceError(Exception):
    """A service cannot be had; the message says what, where and what to do."""


def with_log(message: str, log: Path) -> ServiceError:
    """Name the log file and quote its last lines beside what went wrong."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-_TAIL:]
    except OSError:
        lines = []
    quoted = "".join(f"\n  | {line}" for line in lines) or "\n  | (empty)"
    return ServiceError(f"{message}\nLog: {log}, its last lines:{quoted}")
