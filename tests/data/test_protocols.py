"""Small-sample protocols: which images are held out or trained on, and what that depends on."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.protocols import hold_out_fold, hold_out_validation, keep_fraction, keep_shots
from fgmix.errors import FgmixError

NAMES = ("crow", "dove", "heron")


def make_split(part, counts):
    pairs = [
        (f"{part}/{NAMES[i]}/{n}.jpg", i) for i, count in enumerate(counts) for n in range(count)
    ]
    return Split(
        tuple(path for path, _ in pairs), np.array([label for _, label in pairs], np.int32)
    )


def make_dataset(counts=(23, 20, 12), **splits):
    splits = {"train": make_split("train", counts), "test": make_split("test", (4, 4, 4)), **splits}
    return ImageDataset("birds", Path("birds"), NAMES, splits)


def paths(dataset, split="train"):
    return set(dataset.splits[split].paths)


def counts(dataset, split="train"):
    return np.bincount(dataset.splits[split].labels, minlength=3).tolist()


def one_line(caught):
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_shots_are_exact_and_stratified():
    for shots in (1, 5, 12):
        assert counts(keep_shots(make_dataset(), shots, 0)) == [shots] * 3


def test_fewer_shots_are_among_more():
    chosen = [paths(keep_shots(make_dataset(), shots, 0)) for shots in (1, 2, 5, 10, 12)]
    for fewer, more in pairwise(chosen):
        assert fewer < more


def test_a_fraction_is_of_every_class_and_at_least_one_image():
    assert counts(keep_fraction(make_dataset(), 0.5, 0)) == [12, 10, 6]  # 11.5 rounds to even
    assert counts(keep_fraction(make_dataset(), 0.01, 0)) == [1, 1, 1]
    assert paths(keep_fraction(make_dataset(), 1.0, 0)) == paths(make_dataset())


def test_a_smaller_fraction_is_part_of_a_larger():
    chosen = [paths(keep_fraction(make_dataset(), share, 0)) for share in (0.05, 0.2, 0.5, 0.9)]
    for smaller, larger in pairwise(chosen):
        assert smaller < larger


def test_photos_keep_their_order_and_labels():
    for split in (
        keep_shots(make_dataset(), 5, 0).splits["train"],
        hold_out_fold(make_dataset(), 3, 1, 0).splits["fold"],
    ):
        whole = make_dataset().splits["train"]
        assert list(split.paths) == [path for path in whole.paths if path in set(split.paths)]
        assert [path.split("/")[1] for path in split.paths] == [NAMES[i] for i in split.labels]


@pytest.mark.parametrize("folds", [2, 3, 5, 12])
def test_folds_are_all_training_photos_each_once(folds):
    whole = make_dataset()
    runs = [hold_out_fold(whole, folds, fold, 0) for fold in range(folds)]
    held_out = [path for run in runs for path in run.splits["fold"].paths]
    assert sorted(held_out) == sorted(whole.splits["train"].paths)
    for run in runs:
        assert not paths(run) & paths(run, "fold")
        assert paths(run) | paths(run, "fold") == paths(whole)
        assert run.splits["test"] is whole.splits["test"]
    by_class = np.array([counts(run, "fold") for run in runs])
    assert (by_class.max(axis=0) - by_class.min(axis=0) <= 1).all()


def test_surplus_images_do_not_all_go_to_one_fold():
    names = tuple(f"class {n}" for n in range(300))
    labels = np.repeat(np.arange(300, dtype=np.int32), 4)
    split = Split(tuple(f"{n}.jpg" for n in range(len(labels))), labels)
    dataset = ImageDataset("many", Path("many"), names, {"train": split, "test": split})
    sizes = [len(hold_out_fold(dataset, 3, fold, 0).splits["fold"]) for fold in range(3)]
    # One image per class, and 300 dealt at random: 100 more on average, sd 8.2.
    assert min(sizes) > 360
    assert max(sizes) < 440


def test_validation_comes_from_the_training_photos_unless_there_are_some():
    whole = make_dataset()
    drawn = hold_out_validation(whole, 0.25, 0)
    assert counts(drawn, "val") == [6, 5, 3]
    assert paths(drawn) | paths(drawn, "val") == paths(whole)
    own = make_dataset(val=make_split("val", (2, 2, 2)))
    assert hold_out_validation(own, 0.25, 0) is own


def test_too_few_validation_photos_are_not_held_out():
    whole = make_dataset()
    count = len(whole.splits["train"])
    enough = hold_out_validation(whole, 0.25, 0, at_least=count // 4)
    assert len(enough.splits["val"]) >= count // 4
    assert hold_out_validation(whole, 0.25, 0, at_least=count // 4 + 1) is whole


def test_fold_and_validation_are_the_same_whatever_the_number_of_shots():
    def protocol(limit, value):
        held_out = hold_out_validation(hold_out_fold(make_dataset(), 3, 1, 0), 0.2, 0)
        return limit(held_out, value, 0)

    one, other, third = (
        protocol(keep_shots, 1),
        protocol(keep_shots, 5),
        protocol(keep_fraction, 0.3),
    )
    for split in ("test", "fold", "val"):
        assert paths(one, split) == paths(other, split) == paths(third, split)
        assert not paths(one, split) & paths(other)


@pytest.mark.parametrize(
    "protocol",
    [
        lambda seed: paths(keep_shots(make_dataset(), 5, seed)),
        lambda seed: paths(keep_fraction(make_dataset(), 0.4, seed)),
        lambda seed: paths(hold_out_fold(make_dataset(), 3, 0, seed), "fold"),
    ],
    ids=["shots", "fraction", "folds"],
)
def test_the_split_seed_decides_membership(protocol):
    assert protocol(0) == protocol(0)
    assert protocol(0) != protocol(1)


def test_a_class_is_treated_alike_whatever_the_others_hold():
    def of_crow(chosen):
        return {path for path in chosen if "/crow/" in path}

    small, large = make_dataset((23, 9, 9)), make_dataset((23, 40, 31))
    assert of_crow(paths(keep_shots(small, 5, 0))) == of_crow(paths(keep_shots(large, 5, 0)))
    for fold in range(3):
        one, other = (hold_out_fold(data, 3, fold, 0) for data in (small, large))
        assert of_crow(paths(one, "fold")) == of_crow(paths(other, "fold"))


def test_too_many_shots_name_the_classes_and_the_most_there_can_be():
    with pytest.raises(FgmixError) as caught:
        keep_shots(make_dataset((23, 20, 12)), 21, 0)
    message = one_line(caught)
    assert message.startswith("--shots 21: ")
    assert "'heron' has 12, 'dove' has 20;" in message
    assert "crow" not in message
    assert "at most --shots 12" in message


def test_more_folds_than_photos_of_a_class_are_refused():
    with pytest.raises(FgmixError, match="'heron' has 12") as caught:
        hold_out_fold(make_dataset((23, 20, 12)), 13, 0, 0)
    assert one_line(caught).startswith("--folds 13: ")


def test_a_message_names_five_classes_and_counts_the_others():
    names = tuple(f"class {n}" for n in range(9))
    split = Split(tuple(f"{n}.jpg" for n in range(9)), np.arange(9, dtype=np.int32))
    dataset = ImageDataset("many", Path("many"), names, {"train": split, "test": split})
    with pytest.raises(FgmixError, match=r"'class 4' has 1, and 4 more classes;"):
        keep_shots(dataset, 2, 0)
