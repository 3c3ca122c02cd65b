"""Small KerasHub presets with random weights, saved to folders as KerasHub saves them."""

import keras
import numpy as np
import pytest

from fgmix.models.backbones.named_presets import EFFICIENTNET_LITE0

keras_hub = pytest.importorskip(
    "keras_hub", reason="keras_hub is not installed (pip install 'fgmix[kerashub]')"
)

SCALE, OFFSET = [0.02, 0.01, 0.03], [-2.0, -1.5, -1.0]
VISION = {
    "patch_size": 8,
    "hidden_dim": 16,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 24,
}
TEXT = {
    "vocabulary_size": 30,
    "embedding_dim": 16,
    "hidden_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_dim": 24,
    "max_sequence_length": 4,
}


def randomize(model, seed=0):
    """Gives every weight a value that makes its wrong use visible, and returns the model."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if np.issubdtype(weight.dtype, np.floating):
            low = 0.5 if weight.name in ("gamma", "moving_variance", "lambda1") else -0.2
            weight.assign(rng.uniform(low, low + 0.4, weight.shape))
        elif weight.name == "position_ids":  # KerasHub's CLIP has them from its weights alone
            weight.assign(np.arange(weight.shape[1])[None])
    return model


def resnet():
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 96],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )


def hgnetv2():
    return keras_hub.models.HGNetV2Backbone(
        depths=[1, 1],
        embedding_size=8,
        hidden_sizes=[16, 32],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=False,
        stackwise_stage_filters=[(8, 8, 16, 1, 1, 3), (16, 8, 32, 1, 1, 3)],
        apply_downsample=[False, True],
        use_lightweight_conv_block=[False, False],
        image_shape=(None, None, 3),
    )


def vit(image_size=32):
    return keras_hub.models.ViTBackbone(
        image_shape=(image_size, image_size, 3),
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=24,
    )


def deit(image_size=32):
    return keras_hub.models.DeiTBackbone(image_shape=(image_size, image_size, 3), **VISION)


def dinov2(image_size=32, registers=0, swiglu=False):
    return keras_hub.models.DINOV2Backbone(
        num_register_tokens=registers,
        use_swiglu_ffn=swiglu,
        image_shape=(image_size, image_size, 3),
        position_embedding_shape=(image_size, image_size),
        antialias_in_interpolation=registers > 0,
        **VISION,
    )


def dinov3(image_size=32):
    return keras_hub.models.DINOV3Backbone(
        num_register_tokens=3,
        image_shape=(image_size, image_size, 3),
        **VISION,
    )


def siglip(image_size=32):
    return keras_hub.models.SigLIPBackbone(
        keras_hub.models.SigLIPVisionEncoder(image_shape=(image_size, image_size, 3), **VISION),
        keras_hub.models.SigLIPTextEncoder(**TEXT),
    )


def clip(image_size=32):
    return keras_hub.models.CLIPBackbone(
        keras_hub.models.CLIPVisionEncoder(image_shape=(image_size, image_size, 3), **VISION),
        keras_hub.models.CLIPTextEncoder(**TEXT),
        projection_dim=8,
    )


def efficientnet_lite0():
    arguments = EFFICIENTNET_LITE0.arguments | {"stackwise_num_repeats": [1] * 7}
    return keras_hub.models.EfficientNetBackbone(input_shape=(None, None, 3), **arguments)


BACKBONES = {
    "resnet": (resnet, "ResNetImageConverter"),
    "hgnetv2": (hgnetv2, "HGNetV2ImageConverter"),
    "efficientnet_lite0": (efficientnet_lite0, "EfficientNetImageConverter"),
    "vit": (vit, "ViTImageConverter"),
    "deit": (deit, "DeiTImageConverter"),
    "dinov2": (dinov2, "DINOV2ImageConverter"),
    "dinov2 with registers": (lambda: dinov2(registers=2, swiglu=True), "DINOV2ImageConverter"),
    "dinov3": (dinov3, "DINOV3ImageConverter"),
    "siglip": (siglip, "SigLIPImageConverter"),
    "clip": (clip, "CLIPImageConverter"),
}
"""By family: builds a backbone, and the name of its image converter."""


def save(family, folder, converter=True):
    """Saves a preset of a family to a folder and returns its backbone."""
    build, name = BACKBONES[family]
    randomize(build()).save_to_preset(str(folder))
    if converter:
        kind = getattr(keras_hub.layers, name)
        kind(image_size=(32, 32), scale=SCALE, offset=OFFSET).save_to_preset(str(folder))
    # Read again, because KerasHub's DINOv2 interpolates its positions when it is saved or loaded.
    return keras_hub.models.Backbone.from_preset(str(folder))


def photos(count=2, size=32, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (count, size, size, 3)).astype("float32")


def normalized(images):
    return images * np.float32(SCALE) + np.float32(OFFSET)


def run(model, images):
    """Returns the output of a model for images, whatever its input is called."""
    given = dict.fromkeys(model.input, images) if isinstance(model.input, dict) else images
    return keras.ops.convert_to_numpy(model(given, training=False))
