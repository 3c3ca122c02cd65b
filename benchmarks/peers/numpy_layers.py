"""The papers' equations in NumPy, float64, written from the papers and independent of fgmix."""

import numpy as np


def _softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mlp(z, w):
    """The two dense layers of squeeze-and-excitation, ReLU between."""
    hidden = np.maximum(z @ w["reduce/kernel"] + w["reduce/bias"], 0)
    return hidden @ w["expand/kernel"] + w["expand/bias"]


def excitation(u, w):
    """`e`: the two layers on every channel's mean."""
    return mlp(u.sum(axis=(1, 2)) / (u.shape[1] * u.shape[2]), w)


def channel(u, w):
    """Eq. 1: each channel times the sigmoid of its excitation."""
    out = np.empty_like(u)
    weights = _sigmoid(excitation(u, w))
    for b in range(u.shape[0]):
        for c in range(u.shape[3]):
            out[b, :, :, c] = u[b, :, :, c] * weights[b, c]
    return out


def spatial(u, w, gate):
    """Eqs. 2 and 3: each position times its gated sum over softmax-weighted channels."""
    s = _softmax(excitation(u, w), axis=1)
    v = np.zeros(u.shape[:3])
    for c in range(u.shape[3]):
        v += u[..., c] * s[:, c][:, None, None]
    if gate == "sigmoid":
        v = _sigmoid(v)
    elif gate == "softmax":
        v = _softmax(v.reshape(len(v), -1), axis=1).reshape(v.shape)
    return u * v[..., None]


def merge(first, second, kernel, bias):
    """A 1 x 1 convolution of both, one behind the other."""
    both = np.concatenate([first, second], axis=3)
    return np.einsum("bhwi,io->bhwo", both, kernel[0, 0]) + bias


def mixed(u, channel_w, spatial_w, merge_kernel, merge_bias, gate):
    """Eq. 4: both branches, merged."""
    return merge(channel(u, channel_w), spatial(u, spatial_w, gate), merge_kernel, merge_bias)


def cbam(u, w, kernel, bias):
    """CBAM's section 3: `F' = M_c(F) F`, `F'' = M_s(F') F'`."""
    batch, height, width, channels = u.shape
    flat = u.reshape(batch, height * width, channels)
    mean, largest = flat.sum(axis=1) / (height * width), np.sort(flat, axis=1)[:, -1]
    m_c = _sigmoid(mlp(mean, w) + mlp(largest, w))
    refined = np.stack([u[b] * m_c[b] for b in range(batch)])
    padded = np.zeros((batch, height + 6, width + 6, 2))
    padded[:, 3:-3, 3:-3, 0] = refined.sum(axis=3) / channels
    padded[:, 3:-3, 3:-3, 1] = np.sort(refined, axis=3)[..., -1]
    m_s = np.empty((batch, height, width))
    for y in range(height):
        for x in range(width):
            window = padded[:, y : y + 7, x : x + 7]
            m_s[:, y, x] = (window * kernel[..., 0]).sum(axis=(1, 2, 3)) + bias[0]
    return refined * _sigmoid(m_s)[..., None]


def weights_below(layer, part=""):
    """Excitation weights by their last two names, under a branch's path."""
    return {
        "/".join(w.path.split("/")[-2:]): np.asarray(w, "float64")
        for w in layer.weights
        if "excitation" in w.path and f"{part}/excitation" in w.path
    }


def output_of(name, layer, u):
    """Returns the expected output of a built layer.

    Args:
        name: `channel`, `spatial-GATE`, `mixed-GATE`, `conv` or `cbam`.
        layer: The Keras layer, of which only the weights are read.
        u: The features, `(batch, height, width, channels)`.

    Returns:
        The output in float64.
    """
    u = u.astype("float64")
    kind, _, gate = name.partition("-")
    if kind == "channel":
        return channel(u, weights_below(layer))
    if kind == "spatial":
        return spatial(u, weights_below(layer), gate)
    if kind == "cbam":
        convolution = (np.asarray(w, "float64") for w in layer.conv.weights)
        return cbam(u, weights_below(layer), *convolution)
    kernel, bias = (np.asarray(w, "float64") for w in layer.merge.weights)
    if kind == "conv":
        return merge(u, u, kernel, bias)
    branches = weights_below(layer, "channel"), weights_below(layer, "spatial")
    return mixed(u, *branches, kernel, bias, gate)
