"""An attention that is added to its input, and the normalisation of a linear head."""

import keras
import numpy as np
import pytest

from fgmix.layers import (
    CBAM,
    ChannelAttention,
    MixedAttention,
    PowerNormalization,
    ResidualAttention,
    SpatialAttention,
)

ATTENTIONS = [CBAM, ChannelAttention, MixedAttention, SpatialAttention]


def features(shape=(2, 5, 4, 24)):
    return np.random.default_rng(0).uniform(-1, 3, shape).astype("float32")


def built(attention, scale):
    layer = ResidualAttention(attention(4))
    layer.build((None, 5, 4, 24))
    layer.scale.assign(np.full(24, scale, "float32"))
    return layer


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_attention_is_added_as_far_as_its_scale(attention):
    u = features()
    layer = built(attention, 0.0)
    np.testing.assert_array_equal(layer(u), u)
    layer.scale.assign(np.linspace(0, 1, 24, dtype="float32"))
    expected = u + np.linspace(0, 1, 24) * np.asarray(layer.attention(u))
    np.testing.assert_allclose(layer(u), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_mean_is_that_of_the_output(attention):
    u = features()
    layer = built(attention, 0.7)
    expected = np.asarray(layer(u)).mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(layer.mean(u), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_channels_behind_its_own_pass_unchanged(attention):
    u, behind = features(), features((2, 5, 4, 7)) + 1
    alone, both = built(attention, 0.7), ResidualAttention(attention(4), channels=24)
    whole = np.concatenate([u, behind], axis=-1)
    both(whole)
    both.set_weights(alone.get_weights())
    expected = np.concatenate([alone(u), behind], axis=-1)
    np.testing.assert_allclose(both(whole), expected, rtol=1e-6)
    mean = expected.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(both.mean(whole), mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [None, 20])
def test_a_layer_is_the_same_after_serialisation(channels):
    layer = ResidualAttention(MixedAttention(4), channels)
    layer.build((None, 5, 4, 24))
    layer.scale.assign(np.full(channels or 24, 0.5, "float32"))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(features()), layer(features()))


def test_half_precision_stays_finite():
    layer = ResidualAttention(SpatialAttention(4, dtype="mixed_float16"), dtype="mixed_float16")
    layer.build((None, 5, 4, 24))
    layer.scale.assign(np.ones(24))
    assert np.isfinite(np.asarray(layer(np.full((1, 5, 4, 24), 6e4, "float16")), "float32")).all()


def test_rows_have_the_same_length_and_their_signs():
    rows = np.array([[4.0, -9.0, 0.0, 1.0], [400.0, -900.0, 0.0, 100.0]], "float32")
    normalized = np.asarray(PowerNormalization()(rows))
    expected = np.array([2.0, -3.0, 0.0, 1.0]) / np.sqrt(14 / 4)
    np.testing.assert_allclose(normalized, [expected, expected], rtol=2e-3)


def test_the_center_is_subtracted_and_not_trained():
    layer = PowerNormalization()
    rows = features((8, 24))
    mean = np.asarray(layer(rows)).mean(axis=0)
    layer.center.assign(mean)
    np.testing.assert_allclose(np.asarray(layer(rows)).mean(axis=0), np.zeros(24), atol=1e-6)
    assert layer.trainable_variables == []


def test_zeros_stay_zeros_and_have_a_finite_gradient():
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

    rows = tf.zeros((1, 4))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        normalized = PowerNormalization()(rows)
    assert np.isfinite(tape.gradient(normalized, rows)).all()
    np.testing.assert_array_equal(normalized, np.zeros((1, 4)))


def test_parts_have_their_shares_of_the_common_length():
    rows = features((3, 10))
    rows[:, 4:] *= 50  # contrast of a part does not count
    layer = PowerNormalization([(4, 1.0), (6, 2.0)])
    found = np.asarray(layer(rows))
    np.testing.assert_allclose((found**2).mean(axis=1), 1, rtol=1e-4)
    lengths = [np.linalg.norm(found[:, part], axis=1) for part in (slice(4), slice(4, None))]
    np.testing.assert_allclose(lengths[1] / lengths[0], 2, rtol=1e-4)
    alone = np.asarray(PowerNormalization()(rows[:, 4:]))
    np.testing.assert_allclose(found[:, 4:] / found[:, 4:5], alone / alone[:, :1], rtol=1e-4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(again(rows), found)
