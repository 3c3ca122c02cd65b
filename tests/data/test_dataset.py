"""Choosing a few images of many."""

import pytest

from fgmix.data.dataset import evenly_spaced


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
