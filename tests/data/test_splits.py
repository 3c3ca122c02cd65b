"""Stratified splits: fractions, disjointness, nesting, and what the seed decides."""

from itertools import pairwise

import numpy as np
import pytest

from fgmix.data.dataset import Split
from fgmix.data.splits import rank, stratified_split
from fgmix.errors import FgmixError


def make_split(counts):
    """Images named `<label>/<number>`, the classes mixed together, each in the order of numbers."""
    pairs = [(n, label) for label, count in enumerate(counts) for n in range(count)]
    labels = np.array([label for _, label in sorted(pairs)], np.int32)
    return Split(tuple(f"{label}/{n}" for n, label in sorted(pairs)), labels)


def divide(split, fraction=0.2, seed=0):
    names = tuple(f"class {label}" for label in range(max(split.labels) + 1))
    return stratified_split(split, fraction, seed, names, "testing", "without")


def paths_of_class(split, label):
    return {path for path in split.paths if path.startswith(f"{label}/")}


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_takes_the_fraction_of_every_class(fraction):
    counts = [40, 30, 10]
    _, taken = divide(make_split(counts), fraction)
    assert np.bincount(taken.labels).tolist() == [round(fraction * count) for count in counts]


def test_nothing_is_lost_and_nothing_is_in_both():
    split = make_split([7, 5, 2])
    left, taken = divide(split)
    assert not set(left.paths) & set(taken.paths)
    assert sorted(left.paths + taken.paths) == sorted(split.paths)


def test_labels_stay_with_their_images_in_the_order_of_the_split():
    split = make_split([9, 8, 7])
    for part in divide(split, 0.4):
        assert [int(path.split("/")[0]) for path in part.paths] == part.labels.tolist()
        assert list(part.paths) == [path for path in split.paths if path in set(part.paths)]


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_takes_at_least_one_of_a_class_and_never_all(fraction):
    left, taken = divide(make_split([2, 3, 10]), fraction)
    assert (np.bincount(left.labels) >= 1).all()
    assert (np.bincount(taken.labels) >= 1).all()
    assert len(taken if fraction < 0.5 else left) == 3


def test_a_larger_fraction_contains_a_smaller_one():
    split = make_split([50, 20, 5])
    taken = [set(divide(split, fraction)[1].paths) for fraction in (0.1, 0.2, 0.35, 0.6)]
    for smaller, larger in pairwise(taken):
        assert smaller < larger


def test_a_class_is_divided_alike_whatever_the_other_classes_hold():
    taken = [divide(make_split([20, other]))[1] for other in (3, 60)]
    assert paths_of_class(taken[0], 0) == paths_of_class(taken[1], 0)


def test_the_seed_decides_the_split():
    split = make_split([30, 30])
    assert divide(split, seed=3)[1].paths == divide(split, seed=3)[1].paths
    assert divide(split, seed=3)[1].paths != divide(split, seed=4)[1].paths


def test_classes_of_one_size_are_not_divided_alike():
    _, taken = divide(make_split([30, 30]))
    numbers = [{path.split("/")[1] for path in paths_of_class(taken, label)} for label in (0, 1)]
    assert numbers[0] != numbers[1]


def test_a_split_does_not_depend_on_the_order_or_the_folder_of_the_images():
    split = make_split([20, 30])
    order = np.random.default_rng(0).permutation(len(split))
    moved = Split(tuple(f"elsewhere/{path}" for path in split.paths), split.labels).take(order)
    expected = {f"elsewhere/{path}" for path in divide(split)[1].paths}
    assert set(divide(moved)[1].paths) == expected


def test_a_split_does_not_depend_on_the_numbers_of_the_classes():
    taken = {}
    for names in (("crow", "dove"), ("dove", "crow")):
        pairs = [(f"{name}/{n}.jpg", names.index(name)) for name in names for n in range(20)]
        split = Split(tuple(p for p, _ in pairs), np.array([label for _, label in pairs], np.int32))
        taken[names] = set(stratified_split(split, 0.3, 0, names, "testing", "without")[1].paths)
    assert taken["crow", "dove"] == taken["dove", "crow"]


def test_an_image_more_moves_at_most_one_other():
    for count in range(2, 40):
        before = set(divide(make_split([count]), 0.3)[1].paths)
        after = set(divide(make_split([count + 1]), 0.3)[1].paths) - {f"0/{count}"}
        assert len(before ^ after) <= 1


def test_the_ranks_of_a_class_keep_their_order_when_it_grows():
    small, large = make_split([10, 5]), make_split([15, 9])
    ranks = [
        [s.paths[i] for i in rank(s, 0, "crow", 3) if s.paths[i] in small.paths]
        for s in (small, large)
    ]
    assert ranks[0] == ranks[1]
    assert sorted(ranks[0]) == sorted(paths_of_class(small, 0))


def test_the_test_split_is_the_first_in_rank():
    split = make_split([10, 7])
    _, taken = divide(split, 0.3)
    first = [
        split.paths[i] for label in (0, 1) for i in rank(split, label, f"class {label}", 0)[:3]
    ]
    assert set(taken.paths) == set(first[:3] + first[3:5])


def test_ranks_are_random():
    # The chance that an image comes first is the same for all: 1000 draws of 10, sd 9.5.
    split = make_split([10])
    first = np.bincount([rank(split, 0, "crow", seed)[0] for seed in range(1000)], minlength=10)
    assert first.min() > 60
    assert first.max() < 140


@pytest.mark.parametrize("count", [0, 1])
def test_a_class_too_small_to_divide_is_named(count):
    split = make_split([5, 5])
    short = Split(split.paths + ("2/0",) * count, np.append(split.labels, [2] * count))
    with pytest.raises(FgmixError) as caught:
        stratified_split(short, 0.2, 0, ("a", "b", "grey heron"), "validation", "use none")
    message = str(caught.value)
    assert f"'grey heron' has {count} training image(s)" in message
    assert "validation" in message
    assert "use none" in message
    assert "\n" not in message
