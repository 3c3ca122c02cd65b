"""Patch embedding, transformer block and tokens to a map, by hand and against PyTorch."""

import keras
import numpy as np
import pytest

from fgmix.layers import PatchEmbedding, TokensToMap, TransformerBlock
from fgmix.layers.resampling import resampling_matrix

rng = np.random.default_rng(0)


def values(layer, inputs):
    return keras.ops.convert_to_numpy(layer(inputs))


# Interpolation


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("source", "target"), [(4, 4), (4, 7), (37, 16), (14, 3), (2, 9), (1, 5)])
def test_every_row_is_a_mean(source, target, antialias):
    matrix = resampling_matrix(source, target, antialias)
    assert matrix.shape == (target, source)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-6)  # no shift
    if source == target:
        np.testing.assert_allclose(matrix, np.eye(source), atol=1e-7)


def test_half_a_pixel_by_hand():
    # Twice as many values: the second lies a quarter of a pixel right of the first source value.
    near = 1 - 2.25 * 0.25**2 + 1.25 * 0.25**3
    assert resampling_matrix(8, 16)[5, 2] == pytest.approx(near, rel=1e-6)


@pytest.mark.peers
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("source", "target"), [(4, 7), (37, 16), (16, 37), (14, 3), (6, 5)])
def test_interpolation_is_pytorchs(source, target, antialias):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rows = rng.normal(size=(source, source)).astype("float32")
    matrix = resampling_matrix(source, target, antialias)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(rows)[None, None],
        size=(target, target),
        mode="bicubic",
        align_corners=False,
        antialias=antialias,
    )
    np.testing.assert_allclose(matrix @ rows @ matrix.T, expected[0, 0].numpy(), atol=2e-5)


# Patch embedding


def embedding(**kwargs):
    layer = PatchEmbedding(dim=5, patch_size=2, grid=3, **kwargs)
    layer.build((None, 6, 6, 3))
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize(("own", "registers"), [(1, 0), (1, 2), (2, 0), (0, 0)])
def test_tokens_by_hand(own, registers):
    layer = embedding(class_tokens=own, register_tokens=registers)
    images = rng.normal(size=(2, 6, 6, 3)).astype("float32")
    tokens = values(layer, images)
    assert tokens.shape == (2, own + registers + 9, 5)
    kernel, bias = (np.asarray(w) for w in layer.projection.weights)
    positions = np.asarray(layer.positions)
    for row in range(3):
        for column in range(3):
            patch = images[1, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            index = 3 * row + column
            expected = np.einsum("hwc,hwcd->d", patch, kernel) + bias + positions[own + index]
            np.testing.assert_allclose(tokens[1, own + registers + index], expected, atol=1e-4)
    if not own:
        assert all(weight.shape[0] for weight in layer.weights)
        return
    prefix = np.asarray(layer.prefix)
    np.testing.assert_allclose(tokens[0, :own], prefix[:own] + positions[:own], atol=1e-5)
    np.testing.assert_allclose(tokens[0, own : own + registers], prefix[own:], atol=1e-5)


def test_positions_are_interpolated_for_other_sizes():
    layer = embedding()
    kernel, bias = layer.projection.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(np.zeros(bias.shape))
    tokens = values(layer, np.zeros((1, 10, 4, 3), "float32"))
    grid = np.asarray(layer.positions)[1:].reshape(3, 3, 5)
    down, across = resampling_matrix(3, 5), resampling_matrix(3, 2)
    expected = np.einsum("ha,wb,abd->hwd", down, across, grid).reshape(10, 5)
    np.testing.assert_allclose(tokens[0, 1:], expected, atol=1e-5)


def test_an_image_that_does_not_divide_into_patches_is_refused():
    with pytest.raises(ValueError, match="7 x 6 pixels do not divide into patches of 2"):
        PatchEmbedding(dim=5, patch_size=2, grid=3).build((None, 7, 6, 3))


# Block


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def normalized(x, norm):
    gamma, beta = (np.asarray(w) for w in norm.weights)
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + norm.epsilon) * gamma + beta


def expected_block(layer, x, act):
    """The block's two equations in NumPy."""
    mha = layer.attention
    u = normalized(x, layer.norm1)

    def project(dense):
        kernel, bias = (np.asarray(w) for w in dense.weights)
        return np.einsum("btc,chd->bhtd", u, kernel) + bias[:, None]

    q, k, v = (project(d) for d in (mha.query_dense, mha.key_dense, mha.value_dense))
    weights = softmax(np.einsum("bhtd,bhsd->bhts", q, k) / np.sqrt(q.shape[-1]))
    heads = np.einsum("bhts,bhsd->bthd", weights, v)
    kernel, bias = (np.asarray(w) for w in mha.output_dense.weights)
    s1, s2 = (np.asarray(s) for s in layer.scales) if layer.scales else (1.0, 1.0)
    y = x + s1 * (np.einsum("bthd,hdc->btc", heads, kernel) + bias)
    (w1, b1), (w2, b2) = ([np.asarray(w) for w in d.weights] for d in (layer.fc1, layer.fc2))
    return y + s2 * (act(normalized(y, layer.norm2) @ w1 + b1) @ w2 + b2)


def gelu(x):
    from scipy.special import erf

    return x * (1 + erf(x / np.sqrt(2))) / 2


def gelu_tanh(x):
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def swiglu(x):
    gate, value = np.split(x, 2, axis=-1)
    return gate / (1 + np.exp(-gate)) * value


@pytest.mark.parametrize("layer_scale", [None, 0.5])
@pytest.mark.parametrize(
    ("activation", "act"),
    [
        ("gelu", gelu),
        ("gelu_tanh", gelu_tanh),
        ("quick_gelu", lambda x: x / (1 + np.exp(-1.702 * x))),
        ("swiglu", swiglu),
    ],
)
def test_a_block_by_its_equations(activation, act, layer_scale):
    layer = TransformerBlock(2, 7, activation, layer_scale=layer_scale)
    x = rng.normal(size=(2, 5, 8)).astype("float32")
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(rng.normal(0, 0.5, size=weight.shape))
    np.testing.assert_allclose(
        values(layer, x), expected_block(layer, x, act), rtol=1e-3, atol=1e-3
    )


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="'relu6': choose one of gelu, gelu_tanh, quick_gelu"):
        TransformerBlock(2, 8, "relu6")


# Tokens to a map


def test_a_map_by_hand():
    tokens = np.arange(2 * 7 * 3, dtype="float32").reshape(2, 7, 3)
    found = values(TokensToMap(dropped=2), tokens)
    assert found.shape == (2, 2, 2, 6)
    for image in range(2):
        for row in range(2):
            for column in range(2):
                patch, first = tokens[image, 3 + 2 * row + column], tokens[image, 0]
                np.testing.assert_array_equal(found[image, row, column], [*patch, *first])
    plain = values(TokensToMap(class_token=False), tokens[:, 3:])
    np.testing.assert_array_equal(plain, found[..., :3])


def test_its_mean_is_the_feature_of_linear_probes():
    tokens = rng.normal(size=(2, 1 + 4 + 36, 8)).astype("float32")
    mean = values(TokensToMap(dropped=4), tokens).mean(axis=(1, 2))
    np.testing.assert_allclose(mean[:, :8], tokens[:, 5:].mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(mean[:, 8:], tokens[:, 0], atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 4, 8])
def test_patches_that_are_no_square_are_refused(tokens):
    with pytest.raises(ValueError, match=f"{tokens - 1} patch tokens are no square map"):
        TokensToMap()(np.zeros((1, tokens, 3), "float32"))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (PatchEmbedding(4, 2, 3, 2, 1, antialias=True, use_bias=False), (2, 6, 6, 3)),
        (TransformerBlock(2, 7, "swiglu", 1e-5, 0.5, use_bias=False), (2, 5, 8)),
        (TokensToMap(False, 1), (2, 5, 8)),
    ],
)
def test_a_layer_is_the_same_after_its_config(layer, shape):
    x = rng.normal(size=shape).astype("float32")
    expected = values(layer, x)
    again = type(layer).from_config(layer.get_config())
    again.build(shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(values(again, x), expected)
    assert again.compute_output_shape(shape) == expected.shape


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_close(policy):
    x = rng.uniform(-1, 1, size=(2, 6, 6, 3)).astype("float32")
    outputs = []
    layers = []
    for dtype in ("float32", policy):
        keras.utils.set_random_seed(0)
        chain = [
            PatchEmbedding(8, 2, 2, dtype=dtype),
            TransformerBlock(2, 16, layer_scale=1.0, dtype=dtype),
            TokensToMap(dtype=dtype),
        ]
        y = x
        for layer in chain:
            y = layer(y)
        layers.append(chain)
        outputs.append(keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")))
    assert layers[1][0].compute_dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(outputs[1], outputs[0], atol=0.05)
