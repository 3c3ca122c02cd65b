"""Changes of colours against Pillow's, which rounds to whole numbers on the way."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from fgmix.data.augment import color


@pytest.fixture(scope="module", params=[0, 1])
def picture(request):
    """An image of noise, and one of few levels."""
    rng = np.random.default_rng(request.param)
    if request.param:
        return (rng.integers(3, 6, (17, 23, 3)) * 30).astype(np.uint8)
    return rng.integers(20, 220, (17, 23, 3)).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7, 2.0])
@pytest.mark.parametrize(
    ("change", "enhance"),
    [
        (color.brightness, ImageEnhance.Brightness),
        (color.contrast, ImageEnhance.Contrast),
        (color.saturation, ImageEnhance.Color),
        (color.sharpness, ImageEnhance.Sharpness),
    ],
)
def test_enhancements_are_pillows(picture, change, enhance, factor):
    expected = np.asarray(enhance(Image.fromarray(picture)).enhance(factor)).astype(float)
    changed = change(tf.constant(picture, tf.float32), factor)
    assert np.abs(changed - expected).max() < 1.6


@pytest.mark.parametrize("bits", [1, 4, 7, 8])
def test_posterizing_is_pillows(picture, bits):
    expected = ImageOps.posterize(Image.fromarray(picture), bits)
    np.testing.assert_array_equal(color.posterize(tf.constant(picture, tf.float32), bits), expected)


@pytest.mark.parametrize("threshold", [0.0, 100.0, 256.0])
def test_solarizing_is_pillows(picture, threshold):
    expected = ImageOps.solarize(Image.fromarray(picture), threshold)
    found = color.solarize(tf.constant(picture, tf.float32), threshold)
    np.testing.assert_array_equal(found, expected)


def test_autocontrast_is_pillows(picture):
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(picture))).astype(float)
    assert np.abs(color.autocontrast(tf.constant(picture, tf.float32)) - expected).max() < 1.01


def test_equalizing_is_pillows(picture):
    picture = np.tile(picture, (3, 3, 1))  # equalizing needs more pixels than levels
    expected = ImageOps.equalize(Image.fromarray(picture))
    np.testing.assert_array_equal(color.equalize(tf.constant(picture, tf.float32)), expected)


@pytest.mark.parametrize("change", [color.autocontrast, color.equalize])
def test_an_image_of_one_colour_stays(change):
    plain = tf.constant(np.full((5, 5, 3), 90.0), tf.float32)
    np.testing.assert_array_equal(change(plain), plain)
