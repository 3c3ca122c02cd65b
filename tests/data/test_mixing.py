"""Mixed batches: shares that add up, against Keras's own layers, and the same after any step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.mixing import _draw, _fold, cutmix, mix_batches, mixup

COUNT, SIDE, CLASSES = 64, 12, 64
SEED = tf.constant([3, 4], tf.int64)


def batch(count=COUNT, seed=0):
    """Images that are one number each, and labels of a class each."""
    numbers = np.arange(1, count + 1, dtype=np.float32) + 100 * seed
    images = np.broadcast_to(numbers[:, None, None, None], (count, SIDE, SIDE, 3))
    return tf.constant(images), tf.one_hot(np.arange(count) % CLASSES, CLASSES)


@pytest.mark.parametrize("mix", [mixup, cutmix])
@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 8.0])
def test_the_labels_of_an_image_add_up_to_one(mix, alpha):
    images, labels = batch()
    mixed, soft = mix(images, labels, alpha, SEED)
    assert mixed.shape == images.shape
    assert mixed.dtype == soft.dtype == tf.float32
    np.testing.assert_allclose(np.sum(soft, axis=1), 1, rtol=1e-6)
    assert np.min(soft) >= 0
    assert np.all(np.count_nonzero(soft, axis=1) <= 2)


def test_mixup_is_what_keras_makes_of_the_same_draw():
    images, labels = batch()
    partners, own = _draw(COUNT, 0.4, SEED)
    keras_layer = keras.layers.MixUp()
    drawn = {"mix_weight": own, "permutation_order": partners}
    mixed, soft = mixup(images, labels, 0.4, SEED)
    np.testing.assert_allclose(mixed, keras_layer.transform_images(images, drawn), rtol=1e-6)
    np.testing.assert_allclose(soft, keras_layer.transform_labels(labels, drawn), rtol=1e-6)


def test_mixup_blends_images_as_it_blends_labels():
    images, labels = batch()
    mixed, soft = mixup(images, labels, 1.0, SEED)
    values = np.asarray(images)[:, 0, 0, 0]
    np.testing.assert_allclose(np.asarray(mixed)[:, 0, 0, 0], np.asarray(soft) @ values, rtol=1e-5)
    assert np.ptp(np.asarray(mixed), axis=(1, 2, 3)).max() == 0


def test_the_pasted_area_of_cutmix_is_its_share_of_the_label():
    images, labels = batch()
    mixed, soft = (np.asarray(x) for x in cutmix(images, labels, 1.0, SEED))
    shares = []
    for number in range(COUNT):
        pixels = mixed[number, :, :, 0]
        own = pixels == number + 1
        shares.append(own.mean())
        others = np.unique(pixels[~own])
        assert len(others) <= 1
        if len(others) == 0:
            assert soft[number, number] == pytest.approx(1)  # its own partner, or an empty box
            continue
        np.testing.assert_allclose(soft[number, number], own.mean(), atol=1e-6)
        np.testing.assert_allclose(soft[number, int(others[0]) - 1], 1 - own.mean(), atol=1e-6)
        rows, columns = np.nonzero(~own)  # a box: as many pixels as its sides say
        assert (np.ptp(rows) + 1) * (np.ptp(columns) + 1) == len(rows)
        assert np.all(np.ptp(mixed[number], axis=-1) == 0)
    assert min(shares) < 0.5  # clipping leaves more than was drawn
    assert max(shares) > 0.9


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_drawn_from_the_beta_distribution(alpha):
    partners, own = _draw(20_000, alpha, SEED)
    np.testing.assert_array_equal(np.sort(partners), np.arange(20_000))
    assert np.mean(own) == pytest.approx(0.5, abs=0.01)
    assert np.var(own) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_an_alpha_near_zero_leaves_numbers():
    _, own = _draw(1000, 1e-4, SEED)
    assert np.all((np.asarray(own) >= 0) & (np.asarray(own) <= 1))


def stream(count=6):
    batches = [batch(8, seed=number) for number in range(count)]
    images, labels = (np.stack([b[part] for b in batches]) for part in (0, 1))
    return tf.data.Dataset.from_tensor_slices((images, labels))


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_a_batch_is_mixed_by_seed_and_step_alone(mixing):
    def mixed(seed, first_step):
        made = mix_batches(stream().skip(first_step), mixing, 1.0, seed=seed, first_step=first_step)
        return [(np.asarray(x), np.asarray(y)) for x, y in made]

    whole, tail, other = mixed(0, 0), mixed(0, 2), mixed(1, 0)
    assert len(whole) == 6
    for one, again in zip(whole[2:], tail, strict=True):
        np.testing.assert_array_equal(one[0], again[0])
        np.testing.assert_array_equal(one[1], again[1])
    assert all(np.any(a[1] != b[1]) for a, b in zip(whole, other, strict=True))
    assert np.any(whole[0][1] != whole[1][1])


def test_without_mixing_the_batches_are_what_they_were():
    batches = stream()
    assert mix_batches(batches, "none", 0.2, seed=0, first_step=0) is batches


def test_draws_of_one_seed_are_apart():
    assert len({tuple(np.asarray(_fold(SEED, number))) for number in range(1, 5)}) == 4
