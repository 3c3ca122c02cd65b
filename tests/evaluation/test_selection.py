"""What to label next is uncertain, and unlike what was chosen before."""

import numpy as np
import pytest

from fgmix.evaluation.selection import choose_to_label


def kinds(rng, each, spread=0.02):
    """Features of three kinds of images, `each` of every kind."""
    centres = np.eye(3, 8)
    return np.concatenate([c + spread * rng.normal(size=(each, 8)) for c in centres])


def test_of_equally_uncertain_images_each_kind_has_one():
    rng = np.random.default_rng(0)
    features = kinds(rng, 50)
    probabilities = np.full((150, 4), 0.2)
    probabilities[:, 0] = 0.4
    for seed in range(5):
        chosen = choose_to_label(probabilities, features, 3, seed)
        assert sorted(chosen // 50) == [0, 1, 2]


def test_sure_predictions_are_left_out():
    rng = np.random.default_rng(1)
    features = kinds(rng, 20)
    probabilities = np.tile([1.0, 0.0, 0.0, 0.0], (60, 1))
    unsure = [3, 25, 44]
    probabilities[unsure] = [0.4, 0.3, 0.2, 0.1]
    assert sorted(choose_to_label(probabilities, features, 3)) == unsure


def test_the_first_is_the_most_uncertain_and_the_same_kind_comes_once():
    probabilities = np.array([[0.6, 0.4], [0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    features = np.array([[1.0, 0], [1.0, 0], [2.0, 0], [0, 1.0]])
    # Image 2 has the direction and the probabilities of image 1.
    assert choose_to_label(probabilities, features, 3)[0] == 1
    assert 2 not in choose_to_label(probabilities, features, 3)
    assert sorted(choose_to_label(probabilities, features, 9)) == [0, 1, 2, 3]


def test_distances_are_those_of_the_outer_products():
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet(np.ones(5), 40)
    features = rng.normal(size=(40, 6))
    residuals = probabilities - np.eye(5)[probabilities.argmax(axis=1)]
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    gradients = np.einsum("nk,nd->nkd", residuals, units).reshape(40, -1)
    draws = np.random.default_rng(7)
    expected = [int(np.square(gradients).sum(axis=1).argmax())]
    while len(expected) < 6:
        centres = np.concatenate([np.zeros((1, 30)), gradients[expected]])
        gaps = np.square(gradients[:, None] - centres).sum(axis=2).min(axis=1)
        expected.append(int(draws.choice(40, p=gaps / gaps.sum())))
    assert choose_to_label(probabilities, features, 6, seed=7).tolist() == expected


@pytest.mark.parametrize("count", [1, 5])
def test_images_without_any_uncertainty_are_chosen_in_order(count):
    probabilities = np.tile([1.0, 0.0], (4, 1))
    chosen = choose_to_label(probabilities, np.ones((4, 3)), count)
    assert chosen.tolist() == list(range(min(count, 4)))
