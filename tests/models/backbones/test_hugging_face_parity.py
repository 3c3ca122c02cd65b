"""ViT, DINOv2 and SigLIP against Hugging Face's own in PyTorch, with the same random weights."""

import json

import keras
import numpy as np
import pytest

from fgmix.models import build_classifier
from fgmix.models.backbones.hub_preset import HubPreset
from fgmix.models.backbones.keras_hub import build_preset, image_normalization
from tests.hub_presets import OFFSET, SCALE, keras_hub, photos, run

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'fgmix[peers]')")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed (pip install 'fgmix[peers]')"
)

TOLERANCE = 1e-3
"""The largest difference of two maps, as a share of the largest value."""
SIZE, PATCH = 48, 8
"""Of the position embeddings: a grid of 6 x 6."""
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": SIZE,
    "patch_size": PATCH,
    "attn_implementation": "eager",
}
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]
SIDES = [SIZE, 24, 64, 80]
"""The size of the weights, smaller and larger ones."""


def randomized(model):
    """Gives every parameter a value that makes its wrong use visible."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.15, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1.0)
    return model.eval()


def vit():
    config = transformers.ViTConfig(**SHAPE, intermediate_size=48, layer_norm_eps=1e-6)
    return randomized(transformers.ViTForImageClassification(config)), 1


def dinov2():
    config = transformers.Dinov2Config(**SHAPE, mlp_ratio=2, layer_norm_eps=1e-6)
    return randomized(transformers.Dinov2Model(config)), 1


def dinov2_with_registers():
    config = transformers.Dinov2WithRegistersConfig(
        **SHAPE, mlp_ratio=2, layer_norm_eps=1e-6, num_register_tokens=3
    )
    return randomized(transformers.Dinov2WithRegistersModel(config)), 4


def siglip():
    config = transformers.SiglipVisionConfig(**SHAPE, intermediate_size=48)
    return randomized(transformers.SiglipVisionModel(config)), 0


def save_converted(model, folder):
    """Saves a model as Hugging Face does; KerasHub converts it."""
    model.save_pretrained(folder)
    processor = {"image_mean": MEAN, "image_std": STD, "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))


def save_siglip(model, folder):
    """Saves the weights as a KerasHub preset: KerasHub reads no SigLIP of Hugging Face."""
    tower = keras_hub.models.SigLIPVisionEncoder(
        patch_size=PATCH,
        hidden_dim=SHAPE["hidden_size"],
        num_layers=SHAPE["num_hidden_layers"],
        num_heads=SHAPE["num_attention_heads"],
        intermediate_dim=48,
        image_shape=(SIZE, SIZE, 3),
    )
    given = {name: value.numpy() for name, value in model.state_dict().items()}
    given = {name.removeprefix("vision_model."): value for name, value in given.items()}

    def put(layer, name):
        kernel, bias = layer.weights
        weight = given[f"{name}.weight"]
        if weight.ndim == 4:
            weight = weight.transpose(2, 3, 1, 0)
        elif weight.ndim == 2:
            weight = weight.T
        kernel.assign(weight.reshape(kernel.shape))
        bias.assign(given[f"{name}.bias"].reshape(bias.shape))

    put(tower.embedding.patch_embedding, "embeddings.patch_embedding")
    tower.embedding.position_embedding.embeddings.assign(
        given["embeddings.position_embedding.weight"]
    )
    for index, block in enumerate(tower.encoder_layers):
        name = f"encoder.layers.{index}"
        attention = block.self_attn
        put(block.layer_norm1, f"{name}.layer_norm1")
        put(block.layer_norm2, f"{name}.layer_norm2")
        put(attention.query_dense, f"{name}.self_attn.q_proj")
        put(attention.key_dense, f"{name}.self_attn.k_proj")
        put(attention.value_dense, f"{name}.self_attn.v_proj")
        put(attention.output_dense, f"{name}.self_attn.out_proj")
        put(block.mlp.fc1, f"{name}.mlp.fc1")
        put(block.mlp.fc2, f"{name}.mlp.fc2")
    put(tower.post_layer_norm, "post_layernorm")
    tower.save_to_preset(str(folder))
    converter = keras_hub.layers.SigLIPImageConverter(scale=SCALE, offset=OFFSET)
    converter.save_to_preset(str(folder))


FAMILIES = {
    "vit": (vit, save_converted),
    "dinov2": (dinov2, save_converted),
    "dinov2 with registers": (dinov2_with_registers, save_converted),
    "siglip": (siglip, save_siglip),
}


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, tmp_path_factory):
    """The PyTorch model, its tokens before the patches, and a folder with its weights."""
    make, save = FAMILIES[request.param]
    model, before = make()
    folder = tmp_path_factory.mktemp("weights") / request.param.replace(" ", "_")
    save(model, folder)
    return model, before, folder


def theirs(model, before, images):
    """The map of DESIGN, made of PyTorch's last hidden states."""
    model = getattr(model, "vit", model)
    more = {} if "Dinov2" in type(model).__name__ else {"interpolate_pos_encoding": True}
    with torch.no_grad():
        given = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        tokens = model(pixel_values=given, **more).last_hidden_state.numpy()
    patches = tokens[:, before:]
    side = round(patches.shape[1] ** 0.5)
    maps = patches.reshape(len(tokens), side, side, -1)
    if not before:
        return maps
    return np.concatenate([maps, np.broadcast_to(tokens[:, None, None, 0], maps.shape)], axis=-1)


@pytest.mark.parametrize("side", SIDES)
def test_the_map_is_hugging_faces(pair, side):
    model, before, folder = pair
    images = (photos(2, side) / 127.5 - 1).astype("float32")
    expected = theirs(model, before, images)
    found = run(build_preset(HubPreset(str(folder)), side), images)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()
    assert expected.std() > 0.1


def test_a_hugging_face_folder_is_a_backbone_with_its_own_normalisation(tmp_path):
    model, before = dinov2()
    save_converted(model, tmp_path / "net")
    preset = HubPreset(str(tmp_path / "net"))
    found = image_normalization(preset)
    assert found["scale"] == pytest.approx([1 / 255 / s for s in STD])
    assert found["offset"] == pytest.approx([-m / s for m, s in zip(MEAN, STD, strict=True)])
    classifier = build_classifier(3, f"hub:{tmp_path / 'net'}", "none", image_size=SIZE)
    images = photos(2, SIZE)
    features = keras.Model(classifier.input, classifier.get_layer("attention").input)
    expected = theirs(model, before, ((images / 255 - MEAN) / STD).astype("float32"))
    found = run(features, images)
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()
