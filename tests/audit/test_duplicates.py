"""Duplicates are found however they were changed; different images are not duplicates."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from fgmix.audit.duplicates import Group, Pair, connect, find_pairs, group_duplicates
from fgmix.audit.looks import Looks, distance, see
from fgmix.data.sources.demo.dataset import draw_image


def drawn(class_index, number):
    return draw_image(class_index, np.random.default_rng([7, class_index, number]))


def looks(picture):
    return see(picture.convert("L"))


def recompressed(picture, quality=30):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def cut(picture, left, top=None, right=None, bottom=None):
    """Crops shares of the sides; all four the same if one is given."""
    top, right, bottom = (left if share is None else share for share in (top, right, bottom))
    width, height = picture.size
    return picture.crop(
        (
            round(left * width),
            round(top * height),
            round((1 - right) * width),
            round((1 - bottom) * height),
        )
    )


def turn_hue(picture):
    hue, saturation, value = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda h: (h + 40) % 256), saturation, value))


CHANGES = {
    "half": lambda p: p.resize((p.width // 2, p.height // 2)),
    "double": lambda p: p.resize((p.width * 2, p.height * 2), Image.Resampling.BICUBIC),
    "recompressed": recompressed,
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.8),
    "grey": lambda p: p.convert("L"),
    "other colours": turn_hue,
    "cut by 1 %": lambda p: cut(p, 0.01),
    "all at once": lambda p: recompressed(ImageEnhance.Brightness(cut(p, 0.01)).enhance(1.1), 60),
}


@pytest.fixture(scope="module")
def pictures():
    """Pictures of one class and a few of others, with what they look like."""
    made = [drawn(2, number) for number in range(16)]
    made += [drawn(label, number) for label in (0, 1, 3) for number in range(2)]
    return [(picture, looks(picture)) for picture in made]


@pytest.mark.parametrize("mirror", [False, True])
def test_changed_copies_are_found_and_nothing_else(pictures, mirror):
    copies = [
        change(picture).convert("RGB")
        for change, (picture, _) in zip(CHANGES.values(), pictures, strict=False)
    ]
    copies = [ImageOps.mirror(copy) if mirror else copy for copy in copies]
    pairs = find_pairs([*(look for _, look in pictures), *map(looks, copies)])
    found = {name: [p for p in pairs if p.one == i] for i, name in enumerate(CHANGES)}
    assert found == {name: [Pair(i, len(pictures) + i, mirror)] for i, name in enumerate(CHANGES)}
    assert len(pairs) == len(CHANGES)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("sides", [(0.04,), (0.06, 0, 0.02, 0.01)])
def test_a_part_of_a_picture_is_found(pictures, sides, mirror):
    seen = [look for _, look in pictures]
    copy = cut(pictures[17][0], *sides)
    [pair] = find_pairs([*seen, looks(ImageOps.mirror(copy) if mirror else copy)])
    assert pair == (17, 22, mirror, True)


def test_a_smaller_part_is_found_if_the_pair_is_suggested(pictures):
    seen = [look for _, look in pictures]
    copy = looks(cut(pictures[17][0], 0.12, 0.2, 0.15, 0.05))
    assert find_pairs([*seen, copy]) == []
    assert find_pairs([*seen, copy], [(17, 22), (3, 22)]) == [(17, 22, False, True)]


def test_the_distance_is_the_number_of_bits_that_differ():
    one, other, far = (np.array([n, 0], np.uint64) for n in (0b1011, 0b0001, 2**64 - 1))
    small = np.zeros((64, 64), np.uint8)
    assert distance(Looks(one, one, small), Looks(other, far, small)) == 2
    assert distance(Looks(one, one, small), Looks(far, other, small)) == 2


def test_groups_are_the_components_of_the_pairs():
    pairs = [Pair(4, 6), Pair(1, 3, mirrored=True), Pair(3, 5), Pair(6, 7, cropped=True)]
    assert connect(pairs, 9) == [Group([1, 3, 5], True, False), Group([4, 6, 7], False, True)]
    assert connect([], 3) == []


def test_a_picture_that_is_there_often_is_one_group(pictures):
    often = [pictures[0][1]] * 60 + [pictures[9][1]]
    digests = [bytes([i]) for i in range(len(often))]
    assert group_duplicates(digests, often) == [Group(list(range(60)), False, False)]


def test_equal_files_and_equal_looks_are_one_group(pictures):
    one, other = pictures[0][1], pictures[1][1]
    digests = [b"a", b"b", b"a", b"c", b"d", b"d", b"e"]
    seen = [one, other, one, one, None, None, None]
    assert group_duplicates(digests, seen) == [
        Group([0, 2, 3], False, False),
        Group([4, 5], False, False),
    ]


def test_a_picture_of_one_colour_looks_like_nothing():
    assert see(Image.new("L", (30, 40), 200)) is None
    assert group_duplicates([b"a", b"b"], [None, None]) == []
    assert group_duplicates([], []) == []
