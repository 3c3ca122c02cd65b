"""The mean of several classifiers, and of an image and its mirror image, as one model."""

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import build_classifier, choices
from fgmix.models.cost import cost
from fgmix.models.ensemble import VIEWS, attended_maps, average_classifiers, image_sizes

SIZE, K = 32, 4


def classifier(seed, size=SIZE):
    keras.utils.set_random_seed(seed)
    return build_classifier(
        K, "tiny", "none", weights="none", image_size=size, pooling="avg", head="linear"
    )


def images(size=SIZE, count=3):
    return np.random.default_rng(size).uniform(0, 255, (count, size, size, 3)).astype("float32")


def probabilities(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))


@pytest.fixture(scope="module")
def models():
    return [classifier(seed) for seed in (0, 1)]


def brightness_left():
    """A classifier of known probabilities: the softmax of the mean colour of the left column."""
    inputs = keras.Input((2, 2, 3), name="images")
    features = keras.layers.Cropping2D(((0, 0), (0, 1)), name="attention")(inputs)
    means = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(means))


def test_the_choices_are_the_views():
    assert {name: len(views) for name, views in VIEWS.items()} == choices.VIEWS


def test_flip_is_the_mean_of_known_probabilities():
    left, right = [0.0, np.log(2), 0.0], [np.log(6), 0.0, 0.0]
    image = np.array([[[left, right], [left, right]]], "float32")
    averaged = average_classifiers([brightness_left()], "flip")
    # (1, 2, 1) / 4 from the left column, (6, 1, 1) / 8 from the right one.
    expected = [[(1 / 4 + 6 / 8) / 2, (2 / 4 + 1 / 8) / 2, (1 / 4 + 1 / 8) / 2]]
    np.testing.assert_allclose(probabilities(averaged, image), expected, rtol=0, atol=1e-6)


def test_the_mean_is_that_of_single_predictions(models):
    x = images()
    single = [probabilities(model, x) for model in models]
    mirrored = [probabilities(model, x[:, :, ::-1]) for model in models]
    assert np.abs(single[0] - mirrored[0]).max() > 1e-4
    for tta, parts in {"none": single, "flip": single + mirrored}.items():
        found = probabilities(average_classifiers(models, tta), x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=0, atol=1e-6)


def test_a_symmetric_image_has_the_same_probabilities_as_without_flip(models):
    half = images()[:, :, : SIZE // 2]
    x = np.concatenate([half, half[:, :, ::-1]], axis=2)
    found = probabilities(average_classifiers(models[:1], "flip"), x)
    np.testing.assert_allclose(found, probabilities(models[0], x), rtol=0, atol=1e-6)


def test_a_classifier_without_augmentation_stays_as_it_is(models):
    assert average_classifiers(models[:1]) is models[0]
    assert image_sizes(models[0]) == SIZE
    assert len(attended_maps(models[0])) == 1


def test_classes_come_in_the_order_that_is_asked_for(models):
    x = images()
    found = probabilities(average_classifiers(models, orders=[range(K), [2, 0, 3, 1]]), x)
    first, second = (probabilities(model, x) for model in models)
    np.testing.assert_allclose(found, (first + second[:, [2, 0, 3, 1]]) / 2, rtol=0, atol=1e-6)


def test_each_classifier_gets_images_of_its_size(models):
    large = classifier(2, 64)
    averaged = average_classifiers([large, models[0], models[1]], "flip")
    assert image_sizes(averaged) == (64, SIZE)
    x = (images(64), images())
    parts = [
        probabilities(average_classifiers([model], "flip"), x[number])
        for number, model in ((0, large), (1, models[0]), (1, models[1]))
    ]
    found = probabilities(averaged, x)
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=0, atol=1e-6)


def test_maps_lie_on_the_image(models):
    x = images()
    averaged = average_classifiers(models, "flip")
    every = keras.Model(averaged.input, list(attended_maps(averaged)))(x, training=False)
    assert len(every) == 4
    for model, (plain, back) in zip(models, (every[:2], every[2:]), strict=True):
        attended = keras.Model(model.input, model.get_layer("attention").output)
        mirrored = probabilities(attended, x[:, :, ::-1])[:, :, ::-1]
        for found, expected in ((plain, probabilities(attended, x)), (back, mirrored)):
            found = keras.ops.convert_to_numpy(found)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_view_costs_what_the_classifier_costs(models):
    one, orders = cost(models[0]), [range(K), range(K)]
    flipped, both = (
        cost(average_classifiers(m, "flip", orders[: len(m)])) for m in (models[:1], models)
    )
    assert flipped.parameters == one.parameters
    assert flipped.multiply_adds == 2 * one.multiply_adds
    assert both.parameters == 2 * one.parameters
    assert both.multiply_adds == 4 * one.multiply_adds


def test_an_unknown_augmentation_is_named(models):
    with pytest.raises(FgmixError, match="unknown tta 'turn': choose one of none, flip"):
        average_classifiers(models, "turn")
