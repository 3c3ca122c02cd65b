"""Finds duplicates: images whose files are equal or that look the same."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

HASH_SIZE = 16
"""Side of a perceptual hash, in bits. Images of similar classes often have the same pose and
background: 64 bits do not separate them, 256 do."""

MAX_DISTANCE = 48
"""The most bits, of 256, by which two duplicates differ. Among 6,114 images of Stanford Cars, every
pair up to this distance shows one image twice, and pairs of different images begin at 50. Of 510
images resized to half, recompressed at quality 30 or brightened by 30 %, none moved by more than
28 bits; of those cropped by 2 % on every side, half moved by 40 or less."""

_THUMBNAIL = 4 * HASH_SIZE
_MIN_CONTRAST = 2.0
_BLOCK = 64


def perceptual_hash(image: np.ndarray) -> np.ndarray | None:
    """Returns a hash of an image's low frequencies, so that similar images have similar hashes.

    Args:
        image: uint8 `[height, width, 3]`.

    Returns:
        uint64 `[HASH_SIZE ** 2 / 64]`, or None for an image of a single colour, which looks like
        every other such image.
    """
    import imagehash

    grey = Image.fromarray(image).convert("L")
    grey = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    if np.asarray(grey).std() < _MIN_CONTRAST:
        return None
    bits = imagehash.phash(grey, HASH_SIZE).hash
    return np.packbits(bits.ravel()).view(np.uint64)


def group_duplicates(
    digests: Sequence[bytes], hashes: Sequence[np.ndarray | None]
) -> list[list[int]]:
    """Finds the images that are duplicates of each other.

    Args:
        digests: A digest of each file's content.
        hashes: Each image's `perceptual_hash`.

    Returns:
        Groups of two or more indices, each in ascending order. An image is in a group if it is a
        duplicate of any other image in it.
    """
    _, first, same = np.unique(np.array(digests, object), return_index=True, return_inverse=True)
    hashed = [i for i, index in enumerate(first) if hashes[index] is not None]
    labels = np.arange(len(first))
    if hashed:
        looks = np.stack([hashes[first[i]] for i in hashed])
        alike = connect_alike(looks, MAX_DISTANCE)
        labels[hashed] = len(first) + alike
    groups: dict[int, list[int]] = {}
    for index, label in enumerate(labels[same].tolist()):
        groups.setdefault(label, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def connect_alike(hashes: np.ndarray, max_distance: int) -> np.ndarray:
    """Finds the connected components of hashes that are close to each other.

    Every pair is compared, one block of rows at a time, so memory grows linearly with the number of
    hashes.

    Args:
        hashes: uint64 `[n, words]`.
        max_distance: The largest Hamming distance, in bits, of two connected hashes.

    Returns:
        int `[n]`, the number of each hash's component.
    """
    count, words = hashes.shape
    columns = np.ascontiguousarray(hashes.T)
    labels = np.arange(count)
    for start in range(0, count, _BLOCK):
        rows = columns[:, start : start + _BLOCK, np.newaxis]
        distances = np.zeros((rows.shape[1], count - start), np.uint16)
        for word in range(words):
            distances += np.bitwise_count(rows[word] ^ columns[word, np.newaxis, start:])
        i, j = np.nonzero(distances <= max_distance)
        i, j = i[i < j] + start, j[i < j] + start
        if len(i):
            # Edges found before, from each hash to the first of its component, and new ones.
            left = np.concatenate([np.arange(count), i])
            right = np.concatenate([labels, j])
            edges = coo_array((np.ones(len(left), bool), (left, right)), (count, count))
            _, components = connected_components(edges, directed=False)
            _, first = np.unique(components, return_index=True)
            labels = first[components]
    return labels


def distance(one: np.ndarray, other: np.ndarray) -> int:
    """Returns the number of bits by which two perceptual hashes differ."""
    return int(np.bitwise_count(one ^ other).sum())
