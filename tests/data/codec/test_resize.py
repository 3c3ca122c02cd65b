"""Resizing against `tf.image.resize`, whose pixels it must have, and against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.resize import FILTERS, WIDEST, resize, resize_image

SHAPES = [
    ((375, 500), (224, 224)),
    ((224, 224), (224, 224)),
    ((37, 60), (224, 96)),
    ((1, 1), (32, 32)),
    ((1, 300), (32, 48)),
    ((300, 1), (32, 48)),
    ((50, 70), (1, 1)),
    ((61, 67), (59, 71)),
    ((900, 1200), (5, 7)),
    ((6000, 40), (224, 20)),
    ((2, WIDEST), (7, 30)),
    ((3, WIDEST + 1), (7, 30)),
]


def noise(height: int, width: int) -> np.ndarray:
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, 3))
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module", params=list(FILTERS))
def resizers(request):
    """Both ways as graphs for images of any size, and the type that they take."""
    specs = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([2], tf.int32)]

    def reference(image, shape):
        return tf.image.resize(image, shape, method=request.param, antialias=True)

    return [
        tf.function(way, input_signature=specs, autograph=False)
        for way in (lambda image, shape: resize(image, shape, request.param), reference)
    ]


@pytest.mark.parametrize(("before", "after"), SHAPES)
def test_pixels_are_those_of_tensorflow(resizers, before, after):
    ours, theirs = (resizer(noise(*before), np.int32(after)) for resizer in resizers)
    assert ours.dtype == tf.float32
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("size", [(300, 500), (500, 300), (224, 224), (60, 90), (1, 1)])
def test_resize_matches_pillow(size):
    image = noise(*size)
    resized = resize_image(tf.constant(image), 224)
    expected = Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR)
    assert resized.dtype == tf.float32
    # Pillow rounds to whole levels, once for each axis: 0.25 each on average.
    assert np.abs(resized.numpy() - np.asarray(expected)).mean() < 0.5
    assert resized.numpy().min() >= 0
    assert resized.numpy().max() <= 255


def test_white_stays_white():
    for side in (30, 41, 57, 93):
        resized = resize_image(tf.fill([side, side + 1, 3], tf.constant(255, tf.uint8)), 29)
        assert resized.numpy().max() <= 255
        np.testing.assert_allclose(resized, 255, rtol=1e-6)


def test_resize_takes_floats():
    image = tf.constant(noise(24, 37))
    np.testing.assert_array_equal(
        resize_image(tf.cast(image, tf.float32), 16), resize_image(image, 16)
    )


def test_unknown_method_is_refused():
    with pytest.raises(KeyError, match="nearest"):
        resize(tf.constant(noise(4, 4)), [2, 2], "nearest")
