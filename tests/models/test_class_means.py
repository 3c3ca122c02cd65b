"""Class means: the distance by hand, and a file that is read back or refused."""

import numpy as np
import pytest

from fgmix.models.class_means import ClassMeans, load_class_means, normalize

RNG = np.random.default_rng(0)
MEANS = ClassMeans(
    means=RNG.normal(size=(3, 6)).astype("float32"),
    projection=RNG.normal(size=(6, 2)).astype("float32"),
    units=(0.5, 2.0),
)


def test_the_distance_is_that_from_the_mean_and_the_angle_from_the_centre():
    features = RNG.normal(size=(4, 6))
    found = MEANS.distances(features)
    center = MEANS.means.mean(axis=0)
    for row, feature in enumerate(features):
        roots = np.sign(feature) * np.sqrt(np.abs(feature))
        roots /= np.linalg.norm(roots)
        for label, mean in enumerate(MEANS.means):
            a, b = (roots - center) @ MEANS.projection, (mean - center) @ MEANS.projection
            cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            by_hand = np.linalg.norm(roots - mean) / 0.5 + (1 - cosine) / 2.0
            assert found[row, label] == pytest.approx(by_hand, abs=1e-5)


def test_features_are_compared_whatever_their_scale():
    features = RNG.normal(size=(4, 6))
    np.testing.assert_allclose(
        MEANS.distances(features), MEANS.distances(1e-3 * features), atol=1e-5
    )
    assert np.isfinite(MEANS.distances(np.zeros((1, 6)))).all()
    assert normalize(np.zeros((1, 6))).tolist() == [[0.0] * 6]


def test_another_order_of_classes_is_another_order_of_distances():
    features = RNG.normal(size=(4, 6))
    np.testing.assert_allclose(
        MEANS.in_order([2, 0, 1]).distances(features),
        MEANS.distances(features)[:, [2, 0, 1]],
        atol=1e-6,
    )


def test_the_file_gives_the_same_distances(tmp_path):
    MEANS.save(tmp_path / "means.npz")
    found = load_class_means(tmp_path / "means.npz")
    features = RNG.normal(size=(4, 6))
    np.testing.assert_array_equal(found.distances(features), MEANS.distances(features))
    assert (found.units, found.split) == (MEANS.units, MEANS.split)


@pytest.mark.parametrize(
    "changed",
    [
        {"means": np.zeros(3)},
        {"projection": np.zeros((7, 2))},
        {"units": (0.0, 1.0)},
        {"units": (np.nan, 1.0)},
        {"units": 3},
    ],
)
def test_what_holds_no_class_means_is_refused(tmp_path, changed):
    values = {name: getattr(MEANS, name) for name in MEANS.__dataclass_fields__}
    np.savez(tmp_path / "means.npz", **values | changed)
    with pytest.raises(ValueError, match="it "):
        load_class_means(tmp_path / "means.npz")
