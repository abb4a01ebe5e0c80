"""Packed vectors as bytes: one little-endian cell per dense id, zero where a vector is shorter than its table."""

import numpy as np
from numpy.typing import NDArray


def cells(data: bytes | bytearray, size: int) -> NDArray[np.uint32]:
    """The u32 cells of a vector, shape (size,)."""
    found = np.zeros(size, np.uint32)
    held = np.frombuffer(data, "<u4")[:size]
    found[: len(held)] = held
    return found


def bits(data: bytes | bytearray, size: int) -> NDArray[np.bool_]:
    """The bits of a vector, shape (size,)."""
    found = np.zeros(size, np.bool_)
    held = np.unpackbits(np.frombuffer(data, np.uint8), count=min(size, 8 * len(data)), bitorder="little")
    found[: len(held)] = held.view(np.bool_)
    return found
