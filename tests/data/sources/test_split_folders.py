"""Split folders by their usual names, and classes that have the name of a split."""

import pytest

from fgmix.data.sources.folder import load_folder
from tests.data.sources.test_folder import refusal
from tests.pictures import write_classes, write_plain

SPLITS = [
    ("Train", None, "Test"),
    ("training", None, "testing"),
    ("TRAIN", "valid", "TESTING"),
    ("Training", "Validation", "test"),
    ("train", "VALID", None),
]


@pytest.mark.parametrize(("train", "val", "test"), SPLITS)
def test_split_folders_by_their_usual_names(tmp_path, train, val, test):
    for name, count in ((train, 3), (val, 2), (test, 1)):
        if name:
            write_classes(tmp_path / name, {"a": count, "b": count})
    data = load_folder(tmp_path)
    assert data.class_names == ("a", "b")
    assert data.splits["train"].paths[0] == f"{train}/a/0.png"
    sizes = {name: len(split) for name, split in data.splits.items()}
    if test:
        assert sizes == {"train": 6, "test": 2} | ({"val": 4} if val else {})
    else:
        assert sizes == {"train": 6, "test": 4}


@pytest.mark.parametrize("pair", [("train", "training"), ("valid", "val"), ("Test", "testing")])
def test_two_folders_of_one_split_are_named(tmp_path, pair):
    for name in {"train", "test", *pair}:
        write_classes(tmp_path / name, {"a": 2, "b": 2})
    message = refusal(tmp_path)
    assert "more than one folder of the split" in message
    assert all(name in message for name in pair)


@pytest.mark.parametrize("name", ["train", "test", "Training", "val"])
def test_a_class_may_have_the_name_of_a_split(tmp_path, name):
    write_classes(tmp_path, {name: 5, "bus": 5, "car": 5})
    data = load_folder(tmp_path)
    assert data.class_names == tuple(sorted([name, "bus", "car"]))
    assert len(data.splits["train"]) == 12


def test_below_a_split_folder_every_name_is_a_class(tmp_path):
    for split in ("train", "test"):
        write_classes(tmp_path / split, {"train": 2, "test": 2, "bus": 2})
    assert load_folder(tmp_path).class_names == ("bus", "test", "train")


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("train/2023", "bus", "car"), "train may be split or class"),
        (("test/a", "test/b", "bus"), "test may be split or class"),
        (("test/a", "test/b"), "has test but no train folder"),
        (("val/a", "val/b", "test/a", "test/b"), "has val and test but no train folder"),
        (("train", "test"), "train and test hold photos but no class folders"),
        (("train", "test", "bus"), "train and test hold photos but no class folders"),
        (("train", "test/a", "test/b"), "train' holds photos but no class folders"),
        (("train/a", "train/b", "test"), "test holds no class folders"),
        (("a/train", "a/test", "b/train", "b/test"), "put them above the class folders"),
        (("set/train/a", "set/test/a"), "set holds split folders (train, test): give it instead"),
        (("set/a", "set/b"), "or give"),
    ],
)
def test_folders_that_may_be_splits_or_classes_are_told_with_what_to_do(tmp_path, folders, said):
    for folder in folders:
        for number in range(5):
            write_plain(tmp_path / folder / f"{number}.png")
    assert said.replace("'", "") in refusal(tmp_path)
