"""Choosing a few images of many, and what tells a data set from another."""

import os
from dataclasses import replace

import numpy as np
import pytest

from fgmix.data.dataset import CONTENT, ImageDataset, Split, evenly_spaced


@pytest.mark.parametrize(
    ("length", "count", "chosen"),
    [
        (7, 3, [0, 3, 6]),
        (12, 5, [0, 2, 5, 8, 11]),
        (3, 1, [0]),
        (2, 4, [0, 1]),
        (0, 4, []),
    ],
)
def test_images_are_evenly_spaced_from_the_first_to_the_last(length, count, chosen):
    assert evenly_spaced(length, count) == chosen


@pytest.mark.parametrize("count", range(1, 40))
def test_as_many_different_ones_as_asked_for(count):
    chosen = evenly_spaced(40, count)
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen)


@pytest.fixture
def dataset(tmp_path):
    """Two classes of two files of one size and time."""
    paths = ("a/0.bmp", "a/1.bmp", "b/0.bmp", "b/1.bmp")
    for path in paths:
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(path.encode())
        os.utime(file, (315532800, 315532800))
    split = Split(paths, np.array([0, 0, 1, 1], np.int32))
    return ImageDataset("set", tmp_path, ("a", "b"), {"train": split})


def swap(root):
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        (root / old).rename(root / new)


def test_the_fingerprint_is_of_the_contents(dataset):
    before, sizes = dataset.fingerprint(), dataset.fingerprint_of_sizes()
    assert before.startswith(CONTENT)
    assert dataset.fingerprint() == before
    swap(dataset.root)
    assert dataset.fingerprint() != before
    assert dataset.fingerprint_of_sizes() == sizes
    swap(dataset.root)
    assert dataset.fingerprint() == before


def test_the_fingerprint_is_of_names_labels_and_splits(dataset):
    train = dataset.splits["train"]
    others = [
        replace(dataset, class_names=("a", "c")),
        replace(dataset, splits={"test": train}),
        replace(dataset, splits={"train": replace(train, labels=train.labels[::-1])}),
        replace(dataset, splits={"train": train.take(np.arange(3))}),
    ]
    found = {data.fingerprint() for data in [dataset, *others]}
    assert len(found) == 5


def test_a_missing_image_has_no_fingerprint_and_no_identity(dataset):
    (dataset.root / "a/0.bmp").unlink()
    assert dataset.identities()["a/0.bmp"] is None
    with pytest.raises(FileNotFoundError):
        dataset.fingerprint()


def test_a_recorded_fingerprint_is_compared_by_its_own_definition(dataset):
    now, then = dataset.fingerprint(), dataset.fingerprint_of_sizes()
    assert dataset.matches(now)
    assert dataset.matches(then)
    swap(dataset.root)
    assert not dataset.matches(now)
    assert dataset.matches(then)
    assert not dataset.matches("0" * 64)


def test_the_fingerprint_of_sizes_is_that_of_version_0_1(dataset):
    # As version 0.1 recorded it: it must never change.
    assert dataset.fingerprint_of_sizes() == (
        "6fd804b8c798fb6818b8b00c0e447528c840846dfa6292f85e5740d0d7cf011f"
    )
