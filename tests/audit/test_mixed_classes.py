"""A class of two kinds is named, classes of one kind are not."""

import numpy as np
import pytest

from fgmix.audit.mixed_classes import find_mixed

CLASSES, EACH = 8, 40


def drawn(seed=0):
    """Features of classes that are normal clouds, not negative as those of a network."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(2, 4, (CLASSES, 100))
    labels = np.repeat(np.arange(CLASSES), EACH)
    return centres[labels] + rng.normal(0, 0.4, (CLASSES * EACH, 100)), labels


@pytest.mark.parametrize("seed", range(3))
def test_normal_clouds_do_not_look_like_two(seed):
    assert find_mixed(*drawn(seed)) == []


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_two_classes_under_one_name_are_named_and_parted(share):
    features, labels = drawn()
    second = np.flatnonzero(labels == 5)[: round(EACH * 2 * share) if share == 0.5 else 14]
    keep = np.isin(labels, [5], invert=True) | np.isin(np.arange(len(labels)), second)
    merged = np.where(labels == 5, 2, labels)[keep]
    [found] = find_mixed(features[keep], merged)
    assert found.label == 2
    assert 0.85 <= found.separation <= 1
    places = np.flatnonzero(keep)
    groups = sorted((set(places[group].tolist()) for group in found.groups), key=len)
    assert sorted(groups, key=min) == [set(np.flatnonzero(labels == 2)), set(second)]


def test_one_of_three_classes_is_named_though_it_has_half_of_the_images():
    features, labels = drawn()
    kept = labels < 4
    [found] = find_mixed(features[kept], np.where(labels == 3, 2, labels)[kept])
    assert found.label == 2
    assert found.separation > 0.9


def test_the_most_typical_images_come_first():
    features, labels = drawn()
    labels = np.where(labels == 5, 2, labels)
    odd = 5 * EACH + 3
    features[odd] += np.where(np.arange(100) < 10, 1.5, 0)
    [found] = find_mixed(features, labels)
    [group] = [group for group in found.groups if odd in group]
    assert group[-1] == odd


def test_the_clearest_class_comes_first():
    features, labels = drawn()
    labels = np.where(labels == 5, 2, np.where(labels == 6, 3, labels))
    found = find_mixed(features, labels)
    assert {mixed.label for mixed in found} == {2, 3}
    assert found[0].separation >= found[1].separation


def test_too_little_to_judge():
    features, labels = drawn()
    assert find_mixed(features[labels == 1], labels[labels == 1]) == []
    few = np.isin(labels, [2, 5]) & (np.arange(len(labels)) % EACH >= 7)
    few |= np.isin(labels, [0, 1, 3, 4, 6, 7])
    assert find_mixed(features[:20], labels[:20]) == []
    assert find_mixed(np.ones_like(features), labels) == []
