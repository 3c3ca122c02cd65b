"""TrivialAugment: every operation against one written by hand, and each as often as any other."""

import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.augment import trivial_augment as module
from fgmix.data.augment.trivial_augment import FILL, OPERATIONS, affine, trivial_augment

SIDE = 32


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("strength", [-1.0, -0.4, 0.0, 0.999])
def test_every_operation_keeps_shape_and_range(image, name, strength):
    changed = OPERATIONS[name](tf.constant(image), tf.constant(strength))
    assert changed.shape == image.shape
    assert changed.dtype == tf.float32
    assert np.min(changed) >= 0
    assert np.max(changed) <= 255


@pytest.mark.parametrize(
    "name", sorted(set(OPERATIONS) - {"autocontrast", "equalize", "posterize"})
)
def test_without_strength_nothing_happens(image, name):
    np.testing.assert_allclose(OPERATIONS[name](tf.constant(image), 0.0), image, atol=1e-3)


def test_moving_shifts_by_pixels_and_fills_with_grey(image):
    fraction = 4 / (SIDE * module.TRANSLATE)
    moved = np.asarray(OPERATIONS["translate_x"](tf.constant(image), fraction))
    np.testing.assert_allclose(moved[:, :-4], image[:, 4:], atol=1e-3)
    assert np.all(moved[:, -4:] == FILL)
    moved = np.asarray(OPERATIONS["translate_y"](tf.constant(image), -fraction))
    np.testing.assert_allclose(moved[4:], image[:-4], atol=1e-3)
    assert np.all(moved[:4] == FILL)


def test_a_quarter_turn_about_the_middle_moves_every_pixel_to_its_place(image):
    quarter = tf.constant([[0.0, -1.0], [1.0, 0.0]])
    turned = affine(tf.constant(image), quarter, tf.zeros([2]))
    np.testing.assert_allclose(turned, np.rot90(image), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("shear_x", [[1.0, 0.15], [0.0, 1.0]]),
        ("shear_y", [[1.0, 0.0], [0.15, 1.0]]),
        ("rotate", [[math.cos(math.pi / 12), -math.sin(math.pi / 12)],
                    [math.sin(math.pi / 12), math.cos(math.pi / 12)]]),
    ],
)  # fmt: skip
def test_shearing_and_rotating_are_pillows(image, name, matrix):
    picture = np.rint(image).astype(np.uint8)
    changed = OPERATIONS[name](tf.constant(picture, tf.float32), 0.5)
    # Pillow counts from the corner of the first pixel, not from its middle.
    offset = SIDE / 2 - np.array(matrix) @ [SIDE / 2, SIDE / 2]
    data = [v for row, o in zip(matrix, offset, strict=True) for v in (*row, o)]
    expected = Image.fromarray(picture).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    inside = slice(6, -6)  # the fill value differs from Pillow's
    difference = np.abs(changed - np.asarray(expected, float))[inside, inside]
    assert difference.max() < 2


@pytest.mark.parametrize(
    ("strength", "bits"), [(0.0, 8), (0.19, 8), (0.21, 7), (-0.5, 6), (0.999, 4), (-1.0, 4)]
)
def test_posterizing_drops_up_to_four_bits(image, strength, bits):
    changed = np.asarray(OPERATIONS["posterize"](tf.constant(image), strength))
    np.testing.assert_array_equal(changed, np.floor(image / 2 ** (8 - bits)) * 2 ** (8 - bits))


def test_every_operation_is_as_likely_as_any_other(monkeypatch):
    # Each operation returns its number.
    numbered = {
        name: (lambda image, strength, n=n: image * 0 + tf.stack([float(n), strength, 0.0]))
        for n, name in enumerate(OPERATIONS)
    }
    monkeypatch.setattr(module, "OPERATIONS", numbered)
    image = tf.zeros([1, 1, 3])
    drawn = tf.data.Dataset.range(2000).map(
        lambda i: trivial_augment(image, tf.stack([i, i * 0 + 5]))
    )
    drawn = np.stack(list(drawn.as_numpy_iterator()))[:, 0, 0]
    counts = np.bincount(drawn[:, 0].astype(int), minlength=len(OPERATIONS))
    assert counts.min() > 2000 / len(OPERATIONS) * 0.7
    assert counts.max() < 2000 / len(OPERATIONS) * 1.3
    strengths = drawn[:, 1]
    assert strengths.min() < -0.97
    assert strengths.max() > 0.97
    assert abs(np.corrcoef(drawn[:, 0], strengths)[0, 1]) < 0.07


def test_it_is_a_function_of_image_and_seed(image):
    def made(seed):
        return np.asarray(trivial_augment(tf.constant(image), tf.constant([seed, 1], tf.int64)))

    np.testing.assert_array_equal([made(n) for n in range(20)], [made(n) for n in range(20)])
    assert len({made(n).tobytes() for n in range(20)}) > 10
