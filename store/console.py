"""What all commands do alike at the terminal: errors as one line with the right exit code, tables, JSON lines."""

import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib.metadata import version
from typing import NoReturn, TextIO, cast

import msgspec
import redis
import typer
from confluent_kafka import KafkaException

from schemas.exits import EngagementError, Exit

_WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer's error for wrong arguments, public only as what this one derives from: some versions bring their own click."""


class Output(StrEnum):
    """The forms a command can print in."""

    TABLE = "table"
    JSON = "json"


def run_app(app: typer.Typer, name: str) -> NoReturn:
    """Run the command line of `app` and exit. Errors that are expected are one line on stderr, without a traceback."""
    try:
        code = app(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except EngagementError as error:
        _fail(str(error), error.exit)
    except _WRONG_USAGE as error:
        said = cast("typer.BadParameter", error).format_message().rstrip(".")
        _fail(f"{said}; see `{name} --help`", Exit.USAGE)
    except KafkaException as error:
        _fail(f"Kafka: {error.args[0]}", Exit.FAILED)
    except redis.RedisError as error:
        _fail(f"Redis: {error}", Exit.FAILED)
    except BrokenPipeError:
        # Whoever reads stdout (head, less) has seen enough. Without this, the flush at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.FAILED
    sys.exit(code or Exit.DONE)


def show_version(asked: bool) -> None:  # noqa: FBT001  typer calls it with the flag
    """Print the version and end: what a `--version` option of a command line calls."""
    if asked:
        sys.stdout.write(f"{version('engagement-scoring')}\n")
        raise typer.Exit


def write_json(out: TextIO, records: Iterable[msgspec.Struct]) -> None:
    """One record a line, fields in the order of the struct."""
    out.writelines(msgspec.json.encode(record).decode() + "\n" for record in records)


def write_table(out: TextIO, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their content, however narrow the terminal. Numbers align right, None is a dash."""
    body = [tuple(row) for row in rows]
    numeric = [all(isinstance(row[i], int | None) for row in body) for i in range(len(heading))]
    texts = [tuple(heading), *(tuple("-" if cell is None else str(cell) for cell in row) for row in body)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(heading))]
    for row in texts:
        cells = [cell.rjust(n) if right else cell.ljust(n) for cell, n, right in zip(row, widths, numeric, strict=True)]
        out.write("  ".join(cells).rstrip() + "\n")


def _fail(message: str, code: Exit) -> NoReturn:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    sys.exit(code)
