"""Command line of the local services: `python -m services run -- COMMAND`, `up`, `down`, `status`."""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from services import kept
from services.errors import ServiceError
from services.find import running
from services.server import leashed

FOLDER = Path(__file__).parent.parent / ".services"
_NOT_FOUND = 127
_SIGNALLED = 128


def main() -> int:
    """Do what the command line says; the exit code is the command's for `run`, else 0, or 1 with one clear error."""
    parser = argparse.ArgumentParser(prog="python -m services", description="Real Kafka and Redis on this machine.")
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser(
        "run", help="start what is missing, run COMMAND with both addresses, stop what was started"
    )
    run.add_argument("command", nargs="+", metavar="COMMAND", help="after --, with its own options")
    for name, meaning in (
        ("up", "start what is missing, leave it running, print the addresses for the shell"),
        ("down", "stop what up started; its data stays"),
        ("status", "say what up started and still runs"),
    ):
        action = actions.add_parser(name, help=meaning)
        action.add_argument("--folder", type=Path, default=FOLDER, help="of data and logs (default: %(default)s)")
    asked = parser.parse_args()
    try:
        if asked.action == "run":
            return _run(asked.command)
        return {"up": _up, "down": _down, "status": _status}[asked.action](asked.folder.absolute())
    except ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(command: list[str]) -> int:
    if shutil.which(command[0]) is None:
        print(f"error: no such command: {command[0]}", file=sys.stderr)
        return _NOT_FOUND
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            raise SystemExit(_SIGNALLED + number)
        if number != signal.SIGINT or not _terminal_is_ours():  # a terminal's Ctrl-C has reached the command already
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    with running(os.environ) as addresses:
        child = subprocess.Popen(leashed(command, signal.SIGTERM), env=os.environ | addresses.environment())
        code = child.wait()
    return _SIGNALLED - code if code < 0 else code


def _terminal_is_ours() -> bool:
    try:
        with Path("/dev/tty").open() as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def _up(folder: Path) -> int:
    for variable, value in kept.up(folder, os.environ).environment().items():
        print(f"export {variable}={shlex.quote(value)}")
    print(f"Data and logs: {folder}; stop with `{_stopping(folder)}`.", file=sys.stderr)
    return 0


def _stopping(folder: Path) -> str:
    if folder == FOLDER:
        return "make down"
    return shlex.join([sys.executable, "-m", "services", "down", "--folder", str(folder)])  # make knows no other folder


def _down(folder: Path) -> int:
    kept.down(folder)
    print(f"Stopped. The data stays in {folder}; delete that folder to start afresh.", file=sys.stderr)
    return 0


def _status(folder: Path) -> int:
    alive = kept.status(folder)
    for name, server in alive.items():
        print(f"{name} at {server.address}, process {server.pid}, log {folder / name / 'server.log'}")
    if not alive:
        print("No process that `up` started runs here; with Docker, ask `docker compose ps`.", file=sys.stderr)
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
