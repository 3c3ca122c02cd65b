"""Duplicates are found after resizing or recompression; different images are not duplicates."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from fgmix.audit.duplicates import (
    MAX_DISTANCE,
    connect_alike,
    distance,
    group_duplicates,
    perceptual_hash,
)
from fgmix.data.sources.demo.dataset import draw_image


def drawn(class_index, number):
    return draw_image(class_index, np.random.default_rng([7, class_index, number]))


def looks(picture):
    return perceptual_hash(np.asarray(picture.convert("RGB")))


def recompressed(picture, quality=30):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def cut(picture, share=0.01):
    x, y = round(picture.width * share), round(picture.height * share)
    return picture.crop((x, y, picture.width - x, picture.height - y))


CHANGES = {
    "half": lambda p: p.resize((p.width // 2, p.height // 2)),
    "double": lambda p: p.resize((p.width * 2, p.height * 2), Image.Resampling.BICUBIC),
    "recompressed": recompressed,
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.8),
    "grey": lambda p: p.convert("L"),
    "cut": cut,
    "all at once": lambda p: recompressed(ImageEnhance.Brightness(cut(p)).enhance(1.1), 60),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_looks_the_same(change):
    for number in range(6):
        picture = drawn(number % 4, number)
        assert distance(looks(picture), looks(CHANGES[change](picture))) <= MAX_DISTANCE


def test_different_pictures_of_one_class_do_not():
    hashes = [looks(drawn(2, number)) for number in range(40)]
    apart = [distance(a, b) for n, a in enumerate(hashes) for b in hashes[:n]]
    assert min(apart) > MAX_DISTANCE


def test_a_picture_of_one_colour_looks_like_nothing():
    assert perceptual_hash(np.full((30, 40, 3), 200, np.uint8)) is None


def test_the_distance_is_the_number_of_bits_that_differ():
    one, other = np.array([0b1011, 0], np.uint64), np.array([0b0001, 2**63], np.uint64)
    assert distance(one, other) == 3


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 200])
def test_components_are_those_of_comparing_every_pair(count):
    rng = np.random.default_rng(count)
    # Few bits are used, so that many hashes are close to each other.
    hashes = rng.integers(0, 2**9, (count, 2), np.uint64)
    near = np.array([[distance(a, b) <= 2 for b in hashes] for a in hashes])
    reached = near
    while True:
        further = (reached.astype(float) @ near) > 0
        if (further == reached).all():
            break
        reached = further
    labels = connect_alike(hashes, 2)
    np.testing.assert_array_equal(labels[:, None] == labels, reached)


def test_groups_take_equal_files_and_equal_looks_together():
    near = np.array([0, 0, 0, 0], np.uint64)
    nearer = np.array([0b111, 0, 0, 0], np.uint64)
    far = np.full(4, 2**64 - 1, np.uint64)
    digests = [b"a", b"b", b"a", b"c", b"d", b"d", b"e"]
    hashes = [near, far, near, nearer, None, None, None]
    assert group_duplicates(digests, hashes) == [[0, 2, 3], [4, 5]]


def test_blank_pictures_are_copies_only_if_their_files_are():
    assert group_duplicates([b"a", b"b"], [None, None]) == []
    assert group_duplicates([], []) == []
