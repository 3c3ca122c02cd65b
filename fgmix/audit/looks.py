"""What an image looks like, small enough to keep of every image: hashes, and a thumbnail."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

HASH_SIZE = 16
"""Side of a perceptual hash, in bits. Images of similar classes often have the same pose and
background: 64 bits do not separate them, 256 do."""

THUMBNAIL = 64
"""Side of a thumbnail, in pixels."""

_MIN_CONTRAST = 2.0


class Looks(NamedTuple):
    """What an image looks like in grey.

    Attributes:
        hashes: uint64 `[8]`, bits that are similar for similar images: a hash of its low
            frequencies and one of its horizontal gradients. Each alone takes some different images
            of one pose for similar, but seldom both the same ones.
        mirrored: uint64 `[8]`, the same of its mirror image.
        thumbnail: uint8 `[THUMBNAIL, THUMBNAIL]`.
    """

    hashes: np.ndarray
    mirrored: np.ndarray
    thumbnail: np.ndarray


def see(grey: Image.Image) -> Looks | None:
    """Returns what an image looks like; None if it has a single colour, as many others have.

    Args:
        grey: The image, of Pillow's mode `L`.
    """
    small = grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    pixels = np.asarray(small)
    if pixels.std() < _MIN_CONTRAST:
        return None
    return Looks(_hash(small), _hash(ImageOps.mirror(small)), pixels)


def _hash(small: Image.Image) -> np.ndarray:
    import imagehash

    kinds = (imagehash.phash, imagehash.dhash)
    bits = np.concatenate([kind(small, HASH_SIZE).hash.ravel() for kind in kinds])
    return np.packbits(bits).view(np.uint64)


def distance(one: Looks, other: Looks) -> int:
    """Returns the number of bits, of 512, by which an image and another or its mirror differ."""
    return min(
        int(np.bitwise_count(one.hashes ^ hashes).sum())
        for hashes in (other.hashes, other.mirrored)
    )
