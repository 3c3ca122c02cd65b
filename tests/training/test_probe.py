"""The probe against a direct solution, and its choice of scale."""

import numpy as np
import pytest

from fgmix.training.probe import fit_probe


def draw(classes=5, images=12, views=2, d=30, noise=1.0, seed=0):
    """Returns centred features, labels and images: views differ little, images more."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), images)
    means = rng.normal(size=(classes, d))
    of_image = means[labels] + noise * rng.normal(size=(len(labels), d))
    rows = np.concatenate([of_image + 0.1 * rng.normal(size=of_image.shape) for _ in range(views)])
    rows = (rows - rows.mean(axis=0)).astype("float32")
    return rows, np.tile(labels, views), np.tile(np.arange(len(labels)), views)


def answers(probe, features):
    return features @ probe.kernel + probe.bias


@pytest.mark.parametrize("d", [30, 300])  # fewer and more dimensions than rows
def test_the_directions_are_those_of_the_shrunk_covariance(d):
    features, labels, images = draw(d=d)
    means = np.stack([features[labels == k].mean(axis=0) for k in range(5)])
    residuals = features - means[labels]
    covariance = residuals.T @ residuals / len(features)
    shrinkage = 50 / (50 + 60 - 5)
    ground = shrinkage * 10 * np.trace(covariance) / d * np.eye(d)
    kernel = np.linalg.solve((1 - shrinkage) * covariance + ground, means.T)
    bias = -0.5 * np.sum(means.T * kernel, axis=0)
    probe = fit_probe(features, labels, images, 5)
    factor = np.sum(probe.kernel * kernel) / np.sum(kernel * kernel)
    np.testing.assert_allclose(probe.kernel, factor * kernel, rtol=1e-3, atol=1e-4 * factor)
    np.testing.assert_allclose(probe.bias, factor * bias, rtol=1e-3)


def test_new_images_are_recognised_with_calibrated_probabilities():
    features, labels, images = draw(images=40, noise=2.5)
    fitted, new = images % 40 < 20, images % 40 >= 20
    probe = fit_probe(features[fitted], labels[fitted], images[fitted], 5)
    logits = answers(probe, features[new])
    accuracy = np.mean(logits.argmax(axis=1) == labels[new])
    assert accuracy > 0.6
    assert probe.accuracy == pytest.approx(accuracy, abs=0.15)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.12)


def test_the_views_of_an_image_are_held_out_together():
    # Every image has a direction of its own: only its other view tells its class.
    rng = np.random.default_rng(0)
    of_image = rng.normal(size=(60, 300)).astype("float32")
    features = np.concatenate([of_image, of_image])
    features -= features.mean(axis=0)
    probe = fit_probe(features, np.tile(np.arange(60) % 5, 2), np.tile(np.arange(60), 2), 5)
    assert probe.accuracy < 0.45


@pytest.mark.parametrize("images", [1, 2])
def test_very_few_images_give_moderate_probabilities(images):
    features, labels, of_image = draw(images=images, views=1)
    probe = fit_probe(features, labels, of_image, 5)
    assert probe.accuracy is None
    means = np.stack([features[labels == k].mean(axis=0) for k in range(5)])
    logits = answers(probe, means)
    own = np.diag(logits).copy()
    np.fill_diagonal(logits, -np.inf)
    assert np.mean(own - logits.max(axis=1)) == pytest.approx(4.0, rel=1e-3)


def test_a_fit_repeated_is_the_same():
    first, second = fit_probe(*draw(), 5), fit_probe(*draw(), 5)
    np.testing.assert_array_equal(first.kernel, second.kernel)
    assert first.accuracy == second.accuracy
