"""The attentions against hand-worked numbers and an independent NumPy reference."""

import keras
import numpy as np
import pytest

from benchmarks.peers.numpy_layers import output_of as expected
from fgmix.layers import (
    CBAM,
    GATES,
    ChannelAttention,
    ConcatenatedConvolution,
    MixedAttention,
    SpatialAttention,
)

LAYERS = {
    "channel": ChannelAttention,
    **{f"spatial-{g}": lambda r=16, g=g, **k: SpatialAttention(r, g, **k) for g in GATES},
    **{f"mixed-{g}": lambda r=16, g=g, **k: MixedAttention(r, g, **k) for g in GATES},
    "conv": lambda r=16, **k: ConcatenatedConvolution(**k),
    "cbam": CBAM,
}
ARGUMENTS = {"channel": {"reduction"}, "conv": set(), "cbam": {"reduction"}}


def features(shape=(2, 5, 4, 24), seed=0, low=-1.0, high=3.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32")


def randomize(layer, seed=1):
    """Gives every weight, biases included, a value that makes its wrong use visible."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.3, w.shape).astype("float32") for w in layer.weights])
    return layer


def built(make, u, **kwargs):
    layer = make(4, **kwargs)
    layer.build(u.shape)
    return randomize(layer)


@pytest.mark.parametrize("name", LAYERS)
def test_matches_the_numpy_reference(name):
    u = features()
    layer = built(LAYERS[name], u)
    out = np.asarray(layer(u))
    assert out.dtype == np.float32
    assert np.abs(out - expected(name, layer, u)).max() <= 1e-5


@pytest.mark.parametrize("name", LAYERS)
def test_matches_the_reference_at_resnet_size(name):
    u = features((1, 7, 7, 2048), low=0.0, high=2.0)
    layer = LAYERS[name]()
    out = np.asarray(layer(u))
    # The control sums 4096 products of features that no attention made smaller: float32's
    # rounding alone is 1e-5 there.
    tolerance = 2e-5 if name == "conv" else 1e-5
    assert np.abs(out - expected(name, layer, u)).max() <= tolerance


def set_excitation(excitation, reduce, expand):
    excitation.set_weights([np.asarray(w, "float32") for pair in (reduce, expand) for w in pair])


def test_channel_by_hand():
    # One hidden unit: z = (2, 4), relu(2*1 + 4*0.5 - 1) = 3, e = (3*0 + 0, 3*1 - 3) = (0, 0)
    # for the first image; sigmoid(0) = 1/2 halves both channels.
    u = np.array([[[[1.0, 4.0], [3.0, 4.0]]]], "float32")
    layer = ChannelAttention(2)
    layer.build(u.shape)
    set_excitation(layer.excitation, ([[1.0], [0.5]], [-1.0]), ([[0.0, 1.0]], [0.0, -3.0]))
    np.testing.assert_allclose(np.asarray(layer(u)), u / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("gate", "map_"),
    [
        ("linear", [2.5, 3.5]),
        ("sigmoid", [1 / (1 + np.exp(-2.5)), 1 / (1 + np.exp(-3.5))]),
        ("softmax", [1 / (1 + np.e), np.e / (1 + np.e)]),
    ],
)
def test_spatial_by_hand(gate, map_):
    # All excitation weights zero: e = 0, s = (1/2, 1/2), so v is the mean of the two channels:
    # (1 + 4) / 2 and (3 + 4) / 2.
    u = np.array([[[[1.0, 4.0], [3.0, 4.0]]]], "float32")
    layer = SpatialAttention(2, gate)
    layer.build(u.shape)
    set_excitation(layer.excitation, ([[0.0], [0.0]], [0.0]), ([[0.0, 0.0]], [0.0, 0.0]))
    np.testing.assert_allclose(np.asarray(layer.spatial_map(u))[0, 0, :, 0], map_, rtol=1e-6)
    np.testing.assert_allclose(
        np.asarray(layer(u)), u * np.array(map_)[None, None, :, None], rtol=1e-6
    )


def test_spatial_weights_favour_the_excited_channel():
    # e = (0, ln 3), so s = (1/4, 3/4) and v = 1/4 * 1 + 3/4 * 4 = 3.25 at the first position.
    u = np.array([[[[1.0, 4.0], [3.0, 4.0]]]], "float32")
    layer = SpatialAttention(2)
    layer.build(u.shape)
    set_excitation(layer.excitation, ([[0.0], [0.0]], [0.0]), ([[0.0, 0.0]], [0.0, np.log(3)]))
    np.testing.assert_allclose(np.asarray(layer(u))[0, 0, 0], [3.25, 13.0], rtol=1e-6)


def test_mixed_merges_channel_then_spatial():
    # The merge kernel takes the first C inputs times 1 and the last C times 10.
    u = features((1, 2, 3, 4))
    layer = built(lambda r, **k: MixedAttention(r, **k), u)
    layer.merge.set_weights(
        [np.concatenate([np.eye(4), 10 * np.eye(4)])[None, None], np.full(4, 0.5)]
    )
    by_parts = np.asarray(layer.channel(u)) + 10 * np.asarray(layer.spatial(u)) + 0.5
    np.testing.assert_allclose(np.asarray(layer(u)), by_parts, rtol=1e-5, atol=1e-5)


def test_the_branches_of_mixed_have_their_own_excitations():
    layer = MixedAttention(4)
    layer.build((None, 3, 3, 16))
    kernels = [w for w in layer.weights if w.path.endswith("reduce/kernel")]
    assert len(kernels) == 2
    assert not np.allclose(np.asarray(kernels[0]), np.asarray(kernels[1]))


def test_the_control_merges_the_features_with_themselves():
    # One channel: 3 * U + 4 * U + 1, with no trace of an attention.
    u = np.array([[[[2.0], [-1.0]]]], "float32")
    layer = ConcatenatedConvolution()
    layer.build(u.shape)
    layer.merge.set_weights([np.array([[[[3.0], [4.0]]]]), np.array([1.0])])
    np.testing.assert_allclose(np.asarray(layer(u)).ravel(), [15.0, -6.0], rtol=1e-6)


def test_the_control_has_the_merge_of_mixed_attention_and_nothing_else():
    shape = (None, 3, 3, 16)
    control, mixed = ConcatenatedConvolution(), MixedAttention()
    for layer in (control, mixed):
        layer.build(shape)
    names = [[w.path.split("/", 1)[1] for w in x.weights] for x in (control, mixed.merge)]
    assert names[0] == ["merge/kernel", "merge/bias"]
    assert [w.shape for w in control.weights] == [w.shape for w in mixed.merge.weights]


def cbam_of_two_channels():
    """Means (2, 4) and maxima (3, 4): the hidden unit takes the first channel's minus 2.

    relu(2 - 2) = 0 and relu(3 - 2) = 1, so that the sum of both is (0 + ln 3, 0 - ln 3) and
    `M_c` = (3/4, 1/4): the refined features are (3/4, 1) and (9/4, 1).
    """
    u = np.array([[[[1.0, 4.0], [3.0, 4.0]]]], "float32")
    layer = CBAM(2)
    layer.build(u.shape)
    third = np.log(3)
    set_excitation(layer.excitation, ([[1.0], [0.0]], [-2.0]), ([[third, -third]], [0.0, 0.0]))
    layer.conv.set_weights([np.zeros((7, 7, 2, 1)), np.zeros(1)])
    return layer, u


def test_cbam_by_hand():
    layer, u = cbam_of_two_channels()
    np.testing.assert_allclose(np.asarray(layer.channel_map(u)).ravel(), [0.75, 0.25], rtol=1e-6)
    # A convolution of zeros: M_s = sigmoid(0) = 1/2 everywhere.
    half = [[0.375, 0.5], [1.125, 0.5]]
    np.testing.assert_allclose(np.asarray(layer(u))[0, 0], half, rtol=1e-6)


def test_cbams_spatial_map_sees_mean_then_maximum_of_the_refined_features():
    # The kernel's middle takes the mean, its right neighbour the maximum, where there is one:
    # 7/8 + 9/4 at the first position and 13/8 + 0 at the second, whose neighbour is padding.
    layer, u = cbam_of_two_channels()
    kernel = np.zeros((7, 7, 2, 1))
    kernel[3, 3, 0], kernel[3, 4, 1] = 1, 1
    layer.conv.set_weights([kernel, np.array([-1.0])])
    m_s = 1 / (1 + np.exp([-2.125, -0.625]))
    refined = np.array([[0.75, 1.0], [2.25, 1.0]])
    np.testing.assert_allclose(np.asarray(layer(u))[0, 0], refined * m_s[:, None], rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 15, 64])
@pytest.mark.parametrize("reduction", [1, 16, 1000])
def test_parameter_counts(channels, reduction):
    hidden = max(1, channels // reduction)
    excitation = channels * hidden + hidden + hidden * channels + channels
    merge = 2 * channels * channels + channels
    shape = (None, 3, 3, channels)
    for make, count in [
        (ChannelAttention, excitation),
        (SpatialAttention, excitation),
        (MixedAttention, 2 * excitation + merge),
        (lambda _: ConcatenatedConvolution(), merge),
        (CBAM, excitation + 7 * 7 * 2 + 1),
    ]:
        layer = make(reduction)
        layer.build(shape)
        assert layer.count_params() == count


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"cbam"}))  # whose borders see the padding
def test_a_constant_map_stays_constant(name):
    u = np.broadcast_to(features((2, 1, 1, 8)), (2, 4, 5, 8)).astype("float32")
    layer = built(LAYERS[name], u)
    out = np.asarray(layer(u))
    np.testing.assert_allclose(out, np.broadcast_to(out[:, :1, :1], out.shape), rtol=1e-5)
    assert np.abs(out - expected(name, layer, u)).max() <= 1e-5


@pytest.mark.parametrize("name", LAYERS)
def test_one_channel_one_position(name):
    for shape in [(2, 3, 3, 1), (2, 1, 1, 8), (2, 1, 1, 1)]:
        u = features(shape)
        layer = built(LAYERS[name], u)
        assert np.abs(np.asarray(layer(u)) - expected(name, layer, u)).max() <= 1e-5


def test_spatial_softmax_over_one_channel_is_the_square():
    u = features((2, 3, 3, 1))  # s = 1, so v = U
    layer = built(lambda r, **k: SpatialAttention(r, **k), u)
    np.testing.assert_allclose(np.asarray(layer(u)), u * u, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_half_precision_is_finite_for_large_features(name, dtype):
    # The linear gate is quadratic: 200 * 200 * (a sum over channels) passes float16's 65504.
    for u in [features((2, 7, 7, 64), low=0.0, high=200.0), np.full((2, 7, 7, 512), 200.0, "f4")]:
        layer = LAYERS[name](dtype=dtype)
        out = keras.ops.cast(layer(keras.ops.cast(u, dtype.removeprefix("mixed_"))), "float32")
        assert np.isfinite(np.asarray(out)).all()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("mixed_float16", 4e-3), ("mixed_bfloat16", 3e-2)]
)
@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_is_near_float32(name, dtype, tolerance):
    u = features()
    layer = built(LAYERS[name], u, dtype=dtype)
    out = layer(u)
    assert keras.backend.standardize_dtype(out.dtype) == dtype.removeprefix("mixed_")
    assert all(w.dtype == "float32" for w in layer.weights)
    want = expected(name, layer, u)
    error = np.abs(np.asarray(keras.ops.cast(out, "float32")) - want).max()
    assert error <= tolerance * np.abs(want).max()


@pytest.mark.parametrize("name", LAYERS)
def test_saved_and_loaded_the_layer_is_the_same(name, tmp_path):
    u = features()
    inputs = keras.Input(u.shape[1:])
    model = keras.Model(inputs, LAYERS[name](4)(inputs))
    randomize(model)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(again(u)), np.asarray(model(u)))
    assert again.layers[1].get_config() == model.layers[1].get_config()


@pytest.mark.parametrize("name", LAYERS)
def test_config_is_the_constructor_arguments(name):
    layer = LAYERS[name](4)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    own = set(layer.get_config()) - set(keras.layers.Layer().get_config())
    assert own == ARGUMENTS.get(name, {"reduction", "gate"})
    assert layer.get_config().get("reduction", 4) == 4


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_reaches_every_weight(name):
    u = features((8, 3, 3, 16))
    inputs = keras.Input(u.shape[1:])
    x = LAYERS[name](4)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    randomize(model)
    before = [np.asarray(w).copy() for w in model.layers[1].trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(u, np.arange(8.0)[:, None], epochs=1, verbose=0)
    for old, new in zip(before, model.layers[1].trainable_weights, strict=True):
        assert not np.array_equal(old, np.asarray(new)), new.path


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="linear, sigmoid, softmax"):
        SpatialAttention(gate="relu")
    with pytest.raises(ValueError, match="at least 1"):
        ChannelAttention(reduction=0)
    with pytest.raises(ValueError, match="at least 1"):
        CBAM(reduction=0)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("layer_class", [SpatialAttention, MixedAttention])
def test_the_mean_over_positions_is_that_of_the_output(layer_class, gate):
    u = features()
    layer = built(lambda r, **k: layer_class(r, gate, **k), u)
    expected = np.asarray(layer(u)).mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(layer.mean(u), expected, rtol=1e-4, atol=1e-5)


def test_the_mean_is_finite_in_half_precision():
    layer = SpatialAttention(4, dtype="mixed_float16")
    mean = layer.mean(np.full((1, 7, 7, 64), 6e4, "float16"))
    assert keras.backend.standardize_dtype(mean.dtype) == "float16"
    assert np.isfinite(np.asarray(keras.ops.cast(mean, "float32"))).all()
