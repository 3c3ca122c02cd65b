"""Finds duplicates: images whose files are equal or that show the same picture.

Hashes propose pairs of images, mirror images included. Those that are nearly equal are duplicates;
the others are aligned, and are duplicates if they agree, so that a part of a picture is found and
another car in the same pose is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fgmix.audit.alignment import align
from fgmix.audit.looks import Looks

SURE, LIKELY = 64, 176
"""Bits, of 512, by which the hashes of two images differ: up to the first they are duplicates, and
up to the second they may be."""

NEIGHBOURS = 5
"""Candidates to align per image, the nearest first."""

MIN_AGREEMENT = 0.86
"""The least agreement of two duplicates once they are aligned."""

CROPPED = 0.03
"""A duplicate whose width or height differs from the other's by more than this share is cropped."""

_BLOCK = 64


class Pair(NamedTuple):
    """Two duplicates.

    Attributes:
        one: An index.
        other: A greater index.
        mirrored: Whether one is the mirror image of the other.
        cropped: Whether one shows a part of the other.
    """

    one: int
    other: int
    mirrored: bool = False
    cropped: bool = False


class Group(NamedTuple):
    """Images that show the same picture.

    Attributes:
        members: Two or more indices, in ascending order. Each is a duplicate of another.
        mirrored: Whether some are mirror images of others.
        cropped: Whether some show a part of others.
    """

    members: list[int]
    mirrored: bool
    cropped: bool


def group_duplicates(
    digests: Sequence[bytes],
    looks: Sequence[Looks | None],
    suggested: Iterable[tuple[int, int]] = (),
) -> list[Group]:
    """Finds the images that are duplicates of each other.

    Args:
        digests: A digest of each file's content.
        looks: What each image looks like; None if it has a single colour.
        suggested: More pairs of indices to align.
    """
    _, first, same = np.unique(np.array(digests, object), return_index=True, return_inverse=True)
    different = [int(index) for index in first if looks[index] is not None]
    pairs = [Pair(int(first[kind]), i) for i, kind in enumerate(same) if first[kind] != i]
    if len(different) > 1:
        place = {index: number for number, index in enumerate(different)}
        more = [(place[i], place[j]) for i, j in suggested if i in place and j in place]
        seen = [shown for index in different if (shown := looks[index]) is not None]
        pairs += [
            pair._replace(one=different[pair.one], other=different[pair.other])
            for pair in find_pairs(seen, more)
        ]
    return connect(pairs, len(digests))


def connect(pairs: Sequence[Pair], count: int) -> list[Group]:
    """Groups `count` images by the pairs among them, in the order of their first members."""
    if not pairs:
        return []
    ones, others, mirrored, cropped = np.array(pairs, int).T
    edges = coo_array((np.ones(len(pairs)), (ones, others)), (count, count))
    _, labels = connected_components(edges, directed=False)
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(index)
    flipped, part = (set(labels[ones[flag == 1]].tolist()) for flag in (mirrored, cropped))
    return [
        Group(group, label in flipped, label in part)
        for label, group in members.items()
        if len(group) > 1
    ]


def find_pairs(looks: Sequence[Looks], suggested: Iterable[tuple[int, int]] = ()) -> list[Pair]:
    """Finds pairs of images that show the same picture.

    Every pair of hashes is compared, one block of rows at a time, so memory grows linearly with the
    number of images.

    Args:
        looks: What each image looks like.
        suggested: More pairs to align, in both orientations.
    """
    sure: dict[tuple[int, int], tuple[int, bool]] = {}
    likely: set[tuple[int, int, bool]] = set()
    for one, other, mirrored, bits in _near(looks):
        if bits <= SURE:
            # A symmetric picture is near in both orientations: the nearer counts.
            pair = one, other
            sure[pair] = min(sure.get(pair, (bits, mirrored)), (bits, mirrored))
        else:
            likely.add((one, other, mirrored))
    likely |= {(min(p), max(p), mirrored) for p in suggested for mirrored in (False, True)}
    unsure = sorted(one for one in likely if one[:2] not in sure)
    return [Pair(*pair, mirrored) for pair, (_, mirrored) in sure.items()] + _aligned(looks, unsure)


def _near(looks: Sequence[Looks]) -> Iterator[tuple[int, int, bool, int]]:
    """Yields pairs of near hashes `(one, other, mirrored, bits)`: of each image, the nearest.

    The first that is surely a duplicate is among them, which connects a picture that is there very
    often.
    """
    plain = np.stack([one.hashes for one in looks])
    either = (plain.T.copy(), np.stack([one.mirrored for one in looks]).T.copy())
    count, words = plain.shape
    for start in range(0, count, _BLOCK):
        rows = plain[start : start + _BLOCK]
        for mirrored, columns in enumerate(either):
            bits = np.zeros((len(rows), count), np.uint16)
            for word in range(words):
                bits += np.bitwise_count(rows[:, word, np.newaxis] ^ columns[word])
            numbers = np.arange(len(rows))
            bits[numbers, start + numbers] = np.iinfo(bits.dtype).max
            near = bits <= LIKELY
            for row in np.flatnonzero(near.any(axis=1)).tolist():
                one, others = start + row, np.flatnonzero(near[row])
                away = bits[row, others]
                nearest = others[np.argsort(away, kind="stable")[:NEIGHBOURS]].tolist()
                for other in {*nearest, *others[away <= SURE][:1].tolist()}:
                    yield min(one, other), max(one, other), bool(mirrored), int(bits[row, other])


def _aligned(looks: Sequence[Looks], pairs: Sequence[tuple[int, int, bool]]) -> list[Pair]:
    """Returns the pairs `(one, other, mirrored)` that agree once they are aligned."""
    if not pairs:
        return []
    thumbnails = np.stack([one.thumbnail for one in looks])
    ones, others, mirrored = np.array(pairs, int).T
    seconds = thumbnails[others]
    seconds[mirrored == 1] = seconds[mirrored == 1, :, ::-1]
    found = align(thumbnails[ones], seconds)
    cropped = (np.abs(np.log(found.scales)) > CROPPED).any(1)
    best: dict[tuple[int, int], tuple[float, Pair]] = {}
    for place in np.flatnonzero(found.agreement >= MIN_AGREEMENT).tolist():
        one, other, flip = pairs[place]
        seen = float(found.agreement[place]), Pair(one, other, flip, bool(cropped[place]))
        best[one, other] = max(best.get((one, other), seen), seen)
    return [pair for _, pair in best.values()]
