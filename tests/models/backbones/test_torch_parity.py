"""`vgg16_bn` and `resnet50_torch` against the same networks in PyTorch, through a weights file.

The other networks are those of `benchmarks/peers`, under torchvision's parameter names. Weights,
affine parameters and running statistics are all drawn, so that none can be left out unseen.
"""

import importlib

import keras
import numpy as np
import pytest

from fgmix.models import BACKBONES
from fgmix.models.backbones.pretrained import BN_MOMENTUM, build_features
from fgmix.models.backbones.torchvision_weights import TENSORS

torch = pytest.importorskip("torch", reason="PyTorch is not installed (make test-all)")
safetensors_torch = pytest.importorskip(
    "safetensors.torch", reason="safetensors is not installed (make test-all)"
)
nn = torch.nn
peers = importlib.import_module("benchmarks.peers.torch_networks")

pytestmark = [pytest.mark.peers, pytest.mark.slow]

SIZES = (64, 97)
FEATURES_ERROR = 1e-3
"""Relative error of a feature map in inference mode."""
GRADIENT_ERROR = 1e-9
"""Relative error of each weight's gradient, in float64: in float32, on the way back through 50
normalised layers, rounding turns ReLUs over and grows to a hundredth."""


@pytest.fixture(scope="module", params=["vgg16_bn", "resnet50_torch"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def weights(name, tmp_path_factory):
    """A file of drawn weights, with the tensors of a classifier that must be passed over."""
    state = peers.draw(peers.NETWORKS[name]()).state_dict() | {"fc.weight": torch.ones(10, 2048)}
    path = tmp_path_factory.mktemp(name) / "model.safetensors"
    safetensors_torch.save_file(state, path)
    return path


@pytest.fixture(scope="module")
def pair(name, weights):
    """Both networks with the same weights; ours for an image size."""

    def pair(size):
        theirs = peers.NETWORKS[name]()
        state = safetensors_torch.load_file(weights)
        del state["fc.weight"]
        theirs.load_state_dict(state)
        return build_features(name, BACKBONES[name], size, str(weights)), theirs

    return pair


def photos(count, size):
    """Normalised images, channels last."""
    return np.random.default_rng(1).normal(0, 1, (count, size, size, 3)).astype("float32")


def to_torch(images):
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


def channels_last(tensor):
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def relative_error(mine, theirs):
    return np.linalg.norm(mine - theirs) / np.linalg.norm(theirs)


@pytest.mark.parametrize("size", SIZES)
def test_feature_maps_in_inference_mode(pair, size):
    ours, theirs = pair(size)
    images = photos(2, size)
    with torch.no_grad():
        expected = channels_last(theirs.eval()(to_torch(images)))
    mine = keras.ops.convert_to_numpy(ours(images, training=False))
    assert mine.shape == expected.shape
    assert 1e-3 < np.abs(expected).mean() < 1e3
    error = relative_error(mine, expected)
    print(f"relative error {error:.1e}")
    assert error <= FEATURES_ERROR


@pytest.fixture(scope="module")
def step(pair):
    """One training step of both: our gradients by their tensors' names, and both networks."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        return train_one_step(*pair(64))
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def train_one_step(ours, theirs):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    theirs = theirs.double()
    images = photos(8, 64).astype("float64")
    target = np.random.default_rng(2).normal(0, 1, (8, *ours.output_shape[1:]))

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(ours(images, training=True) - target))
    gradients = tape.gradient(loss, [v.value for v in ours.trainable_variables])

    out = theirs.train()(to_torch(images))
    expected = torch.mean((out - to_torch(target)) ** 2)
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-9)

    names = {id(v): key for key, v in by_torch_name(ours).items()}
    found = zip(ours.trainable_variables, gradients, strict=True)
    return {names[id(v)]: torch_layout(g.numpy()) for v, g in found}, ours, theirs


def by_torch_name(model):
    return {
        f"{layer.name.replace('_', '.')}.{TENSORS[variable.name]}": variable
        for layer in model.layers
        for variable in layer.variables
    }


def torch_layout(array):
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def test_the_gradients_of_one_training_step(name, step):
    mine, _, theirs = step
    expected = {key: p.grad.numpy() for key, p in theirs.named_parameters()}
    assert set(mine) == set(expected)
    # A bias before batch normalisation has no effect: its gradient is rounding on both sides.
    idle = [key for key in expected if name == "vgg16_bn" and before_normalization(theirs, key)]
    assert len(idle) == (13 if name == "vgg16_bn" else 0)
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    for key in idle:
        assert max(np.abs(mine[key]).max(), np.abs(expected[key]).max()) < 1e-9 * largest
    errors = {key: relative_error(mine[key], expected[key]) for key in set(expected) - set(idle)}
    print(f"largest relative error {max(errors.values()):.1e}")
    assert {key: error for key, error in errors.items() if error > GRADIENT_ERROR} == {}


def before_normalization(network, key):
    module, _, parameter = key.rpartition(".")
    return parameter == "bias" and isinstance(network.get_submodule(module), nn.Conv2d)


def test_the_running_statistics_after_that_step(weights, step):
    """PyTorch puts the unbiased variance into its average, Keras the batch's own."""
    _, ours, theirs = step
    before = safetensors_torch.load_file(weights)
    mine = {k: keras.ops.convert_to_numpy(v) for k, v in by_torch_name(ours).items()}
    counts = activations_per_channel(theirs)
    after = {key: value.numpy() for key, value in theirs.state_dict().items()}
    for module, count in counts.items():
        mean, variance = f"{module}.running_mean", f"{module}.running_var"
        np.testing.assert_allclose(mine[mean], after[mean], rtol=1e-9, atol=1e-12)
        kept = BN_MOMENTUM * before[variance].double().numpy()
        np.testing.assert_allclose(
            (mine[variance] - kept) * count / (count - 1), after[variance] - kept, rtol=1e-9
        )


def activations_per_channel(network):
    """For each normalisation the number of values that its statistics are taken of."""
    counts = {}

    def count(module):
        return lambda _, args: counts.update({module: args[0].numel() // args[0].shape[1]})

    for module, layer in network.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_pre_hook(count(module))
    with torch.no_grad():
        network.eval()(to_torch(photos(8, 64)).double())
    return counts
