"""The vision transformer in PyTorch is the one that fgmix builds."""

import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest

from fgmix.models import BACKBONES
from fgmix.models.backbones.keras_hub import build_preset
from fgmix.models.backbones.named_presets import DINOV2_SMALL
from tests.hub_presets import randomize

torch = pytest.importorskip("torch", reason="torch is not installed")
peer = importlib.import_module("benchmarks.peers.torch_vit")

pytestmark = pytest.mark.peers


def test_it_has_as_many_parameters_as_the_registry_says():
    network = peer.SmallVisionTransformer()
    counted = sum(weight.numel() for weight in network.parameters())
    assert counted == BACKBONES["dinov2_small"].parameters


def tensors(model):
    """The weights of a network of fgmix, by their names in PyTorch."""

    def rows(weight):
        return torch.from_numpy(np.array(weight))

    embed = model.get_layer("patches")
    kernel, bias = embed.projection.weights
    found = {
        "patch_embed.proj.weight": rows(kernel).permute(3, 2, 0, 1),
        "patch_embed.proj.bias": rows(bias),
        "cls_token": rows(embed.prefix)[None],
        "pos_embed": rows(embed.positions)[None],
    }

    def norm(name, layer):
        found[f"{name}.weight"], found[f"{name}.bias"] = rows(layer.gamma), rows(layer.beta)

    def linear(name, kernel, bias):
        found[f"{name}.weight"], found[f"{name}.bias"] = kernel.T, bias

    norm("norm", model.get_layer("norm"))
    for index in range(2):
        block, name = model.get_layer(f"block{index + 1}"), f"blocks.{index}"
        norm(f"{name}.norm1", block.norm1)
        norm(f"{name}.norm2", block.norm2)
        query, key, value, out = (rows(w) for w in block.attention.weights[::2])
        biases = [rows(w) for w in block.attention.weights[1::2]]
        kernels = torch.cat([w.reshape(peer.DIM, -1) for w in (query, key, value)], 1)
        linear(f"{name}.attn.qkv", kernels, torch.cat([b.flatten() for b in biases[:3]]))
        linear(f"{name}.attn.proj", out.reshape(-1, peer.DIM), biases[3])
        linear(f"{name}.mlp.fc1", *(rows(w) for w in block.fc1.weights))
        linear(f"{name}.mlp.fc2", *(rows(w) for w in block.fc2.weights))
        for number, scale in enumerate(block.scales, start=1):
            found[f"{name}.ls{number}.gamma"] = rows(scale)
    return found


def test_it_gives_the_same_map():
    shallow = replace(DINOV2_SMALL, arguments=DINOV2_SMALL.arguments | {"num_layers": 2})
    model = randomize(build_preset(shallow, 56, pretrained=False))
    network = peer.SmallVisionTransformer(depth=2).eval()
    network.load_state_dict(tensors(model))
    images = np.random.default_rng(0).normal(0, 1, (2, 56, 56, 3)).astype("float32")
    mine = keras.ops.convert_to_numpy(model(images, training=False))
    with torch.no_grad():
        theirs = network(torch.from_numpy(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    assert mine.shape == theirs.shape == (2, 4, 4, 2 * peer.DIM)
    assert np.linalg.norm(mine - theirs) / np.linalg.norm(theirs) < 1e-5
