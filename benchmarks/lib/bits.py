"""A yes or no of every photo, as text that a record can hold."""

import numpy as np


def packed(places: list[int], count: int) -> str:
    """Returns a bit a photo, as hexadecimal digits."""
    bits = np.zeros(count, bool)
    bits[places] = True
    return np.packbits(bits).tobytes().hex()


def unpacked(text: str, count: int) -> np.ndarray:
    """Returns bool `(count,)`, the inverse of `packed`."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))[:count].astype(bool)
