"""Columns as a Parquet or CSV file, which is there whole or not at all."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.columns import Column
from schemas.exits import EngagementError, UsageError

if TYPE_CHECKING:
    from polars import DataFrame

ENDINGS = (".parquet", ".csv")


def check_target(path: Path) -> None:
    """Raise UsageError for a file that cannot be written, so that nobody waits for figures first."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path} ends neither in .parquet nor in .csv; give a name that does")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder that can be written to; make it, or give another place")


def write_columns(columns: Iterable[Column], path: Path) -> int:
    """Write the columns in the form that the file's ending names, under another name first; return how many they are.

    Raises EngagementError where the disk refuses.
    """
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with hidden.open("xb") as file:
            frame = _frame(columns)
            if path.suffix.lower() == ".csv":
                frame.write_csv(file)
            else:
                frame.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except OSError as error:
        raise EngagementError(f"{path} cannot be written: {error.strerror or error}; nothing was changed") from error
    else:
        return frame.width
    finally:
        hidden.unlink(missing_ok=True)


def _frame(columns: Iterable[Column]) -> "DataFrame":
    # Only here, as it takes a good part of a second: other commands start without it.
    import polars as pl  # noqa: PLC0415

    types = {"text": pl.String, "whole": pl.Int64, "number": pl.Float64, "day": pl.Date}
    return pl.DataFrame([pl.Series(one.name, one.values, types[one.kind]) for one in columns])
