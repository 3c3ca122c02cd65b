"""Splits and classes in the paths of a source."""

import pytest

from fgmix.data.importing.tree import find_tree


def places(*paths):
    return {path: tuple(place) for path, place in find_tree(paths).places.items()}


def test_classes_are_the_first_folders():
    assert places("audi/1.jpg", "bmw/deep/2.HEIC") == {
        "audi/1.jpg": ("", "audi"),
        "bmw/deep/2.HEIC": ("", "bmw"),
    }


def test_folders_that_hold_everything_count_for_nothing():
    assert places("data/set/audi/1.jpg", "data/set/bmw/2.jpg", "data/README.md") == {
        "data/set/audi/1.jpg": ("", "audi"),
        "data/set/bmw/2.jpg": ("", "bmw"),
    }


@pytest.mark.parametrize(
    ("folder", "split"), [("train", "train"), ("Valid", "val"), ("testing", "test")]
)
def test_split_folders_stand_above_the_classes(folder, split):
    other = "train" if split != "train" else "test"
    found = places(f"s/{folder}/audi/1.jpg", f"s/{other}/audi/2.jpg")
    assert found[f"s/{folder}/audi/1.jpg"] == (split, "audi")


def test_a_class_may_be_called_train():
    assert places("bus/1.jpg", "train/2.jpg", "test/3.jpg")["train/2.jpg"] == ("", "train")


def test_a_test_folder_without_classes_is_left_out():
    tree = find_tree(["train/a/1.jpg", "train/b/2.jpg", "test/3.jpg"])
    assert {path: tuple(place) for path, place in tree.places.items()} == {
        "train/a/1.jpg": ("", "a"),
        "train/b/2.jpg": ("", "b"),
    }
    assert tree.left_out == ("1 photo in folders that are no split (such as test/3.jpg)",)


def test_photos_in_no_folder_have_no_class():
    assert places("photos/1.jpg", "photos/2.tif") == {
        "photos/1.jpg": ("", None),
        "photos/2.tif": ("", None),
    }


def test_what_is_left_out_is_named():
    tree = find_tree(
        [
            *("s/train/a/1.jpg", "s/test/a/2.jpg", "s/extra/a/3.jpg", "s/train/4.jpg"),
            *("s/train/a/5.nef", "s/labels.csv", "s/train/a/.6.jpg", "__MACOSX/s/a/._1.jpg"),
        ]
    )
    assert sorted(tree.places) == ["s/test/a/2.jpg", "s/train/a/1.jpg"]
    assert tree.left_out == (
        "1 photo in formats that are not read (1 .nef)",
        "1 photo in hidden folders or with hidden names (such as s/train/a/.6.jpg)",
        "1 photo in no class folder (such as s/train/4.jpg)",
        "1 photo in folders that are no split (such as s/extra/a/3.jpg)",
        "1 file that is no photo (1 .csv)",
    )
