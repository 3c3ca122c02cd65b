"""Class means are fitted, and distances tell strangers: values known by construction."""

import numpy as np
import pytest

from fgmix.evaluation.strangers import auroc, distances, fit_class_means

CLASSES, CHANNELS = 4, 12


def draw(classes, count, seed):
    """Features of classes, each around its own mean; the first class of strangers is CLASSES."""
    centers = np.random.default_rng(7).uniform(0, 9, (CLASSES + 3, CHANNELS))
    rng = np.random.default_rng(seed)
    labels = np.repeat(classes, count)
    return np.abs(centers[labels] + rng.normal(0, 0.4, (len(labels), CHANNELS))), labels


KNOWN, STRANGERS = np.arange(CLASSES), np.arange(CLASSES, CLASSES + 3)


def test_1_is_the_distance_that_95_percent_of_validation_images_keep():
    held_out = draw(KNOWN, 50, 2)
    found = fit_class_means(*draw(KNOWN, 20, 1), CLASSES, held_out)
    measured = distances([held_out[0]], [found])
    np.testing.assert_allclose(np.sort(found.known), np.sort(measured), atol=1e-5)
    assert np.quantile(measured, 0.95) == pytest.approx(1, abs=1e-5)
    assert (found.split, len(found.known)) == ("val", 200)


def test_strangers_lie_farther_and_held_out_classes_tell_so():
    held_out = draw(KNOWN, 50, 2)
    found = fit_class_means(*draw(KNOWN, 20, 1), CLASSES, held_out)
    strangers = distances([draw(STRANGERS, 50, 3)[0]], [found])
    assert auroc(found.known, strangers) > 0.99
    assert auroc(found.known, found.others) > 0.99
    without = distances([held_out[0]], [found], without=held_out[1])
    np.testing.assert_allclose(np.sort(without), np.sort(found.others), atol=1e-5)


def test_without_validation_training_images_are_measured_as_new_ones():
    train = draw(KNOWN, 20, 1)
    found = fit_class_means(*train, CLASSES)
    assert (found.split, len(found.known)) == ("train", 80)
    new = distances([draw(KNOWN, 250, 2)[0]], [found])
    assert 0.85 < (new <= 1).mean() < 0.99
    seen = distances([train[0]], [found])
    assert np.median(seen) < np.median(found.known)  # each is farther from means without it


def test_classes_with_one_image_are_not_measured():
    features, labels = draw(KNOWN, 5, 1)
    kept = np.flatnonzero((labels != 1) | (np.arange(len(labels)) == 5))
    assert len(fit_class_means(features[kept], labels[kept], CLASSES).known) == 15
    nothing = fit_class_means(*draw(KNOWN, 1, 1), CLASSES)
    assert len(nothing.known) == 0
    assert np.isfinite(nothing.distances(features)).all()


def test_two_classes_and_features_that_are_all_alike_give_numbers():
    features, labels = draw(KNOWN[:2], 10, 1)
    assert auroc(*[getattr(fit_class_means(features, labels, 2), n) for n in ("known", "others")])
    alike = fit_class_means(np.ones((20, 3)), labels, 2)
    assert np.isfinite(alike.distances(np.ones((1, 3)))).all()


def test_the_covariance_is_shrunk_as_scikit_learn_does():
    sklearn = pytest.importorskip("sklearn.covariance")
    from fgmix.models.class_means import normalize

    features, labels = draw(KNOWN, 6, 1)
    found = fit_class_means(features, labels, CLASSES)
    rows = normalize(features).astype(np.float64)
    residuals = rows - np.stack([rows[labels == k].mean(axis=0) for k in KNOWN])[labels]
    covariance, _ = sklearn.ledoit_wolf(residuals, assume_centered=True)
    # In the space of discriminants this covariance is the identity.
    np.testing.assert_allclose(
        found.projection.T @ covariance @ found.projection, np.eye(CLASSES - 1), atol=1e-3
    )


def test_several_maps_count_alike():
    train, held_out = draw(KNOWN, 20, 1), draw(KNOWN, 50, 2)
    one = fit_class_means(*train, CLASSES, held_out)
    few = held_out[0][:, :6], held_out[1]
    two = fit_class_means(100 * train[0][:, :6], train[1], CLASSES, few)
    asked = draw(STRANGERS, 4, 3)[0]
    np.testing.assert_allclose(
        distances([asked, asked[:, :6]], [one, two]),
        (distances([asked], [one]) + distances([asked[:, :6]], [two])) / 2,
        rtol=1e-6,
    )


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    known, strangers = rng.integers(0, 9, 40), rng.integers(3, 12, 30)
    expected = metrics.roc_auc_score([0] * 40 + [1] * 30, np.concatenate([known, strangers]))
    assert auroc(known, strangers) == pytest.approx(expected)
