"""Packed vectors as bytes: one little-endian cell per dense id, zero where a vector is shorter than its table."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Whole = TypeVar("Whole", bound=np.integer[Any])


def cells(data: bytes | bytearray, size: int) -> NDArray[np.uint32]:
    """The u32 cells of a vector, shape (size,); of a vector that is as long, without a copy."""
    held = np.frombuffer(data, "<u4")[:size]
    if len(held) == size:
        return held
    found = np.zeros(size, np.uint32)
    found[: len(held)] = held
    return found


def bits(data: bytes | bytearray, size: int) -> NDArray[np.bool_]:
    """The bits of a vector, shape (size,)."""
    found = np.zeros(size, np.bool_)
    held = np.unpackbits(np.frombuffer(data, np.uint8), count=min(size, 8 * len(data)), bitorder="little")
    found[: len(held)] = held.view(np.bool_)
    return found


def distinct(values: NDArray[Whole]) -> NDArray[Whole]:
    """The distinct ones of whole numbers, sorted: `numpy.unique` hashes them, which takes many times as long."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered
