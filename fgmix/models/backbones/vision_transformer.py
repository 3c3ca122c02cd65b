"""Vision transformers that give a feature map, with weights from those of KerasHub.

KerasHub's own layers are not used in the network: theirs have position embeddings for one image
size, hold all blocks in one layer, and need KerasHub to be loaded again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from fgmix.layers import PatchEmbedding, TokensToMap, TransformerBlock

Layer = Any  # a layer of KerasHub, which has no types


@dataclass(frozen=True)
class Block:
    """A block of a KerasHub transformer: the parts whose weights are taken.

    Attributes:
        norm1: The normalisation before self-attention.
        attention: A `keras.layers.MultiHeadAttention`.
        norm2: The normalisation before the perceptron.
        fc1: The first dense layer of the perceptron.
        fc2: The second dense layer of the perceptron.
        scales: The variables of LayerScale after self-attention and perceptron; empty for none.
    """

    norm1: Layer
    attention: Layer
    norm2: Layer
    fc1: Layer
    fc2: Layer
    scales: Sequence[Any] = ()


@dataclass(frozen=True)
class Parts:
    """A KerasHub transformer: the parts whose weights are taken, and what they don't say.

    Attributes:
        patches: The convolution that embeds patches.
        positions: The position embeddings, `(n, C)` or `(1, n, C)`, those of `class_tokens` first.
        blocks: The blocks.
        norm: The normalisation after the last block.
        class_tokens: The tokens with positions of their own, the class token first, each with `C`
            numbers in any shape.
        register_tokens: The register tokens, `(1, n, C)`; None for none.
        activation: A name that `TransformerBlock` takes.
        antialias: Whether positions are interpolated with antialiasing.
        norm_before: The normalisation before the first block; None for none.
    """

    patches: Layer
    positions: Any
    blocks: Sequence[Block]
    norm: Layer
    class_tokens: Sequence[Any] = ()
    register_tokens: Any = None
    activation: str = "gelu"
    antialias: bool = False
    norm_before: Layer = field(default=None)


def vision_transformer(parts: Parts, image_size: int) -> keras.Model:
    """Builds a vision transformer with the weights of a KerasHub model.

    Args:
        parts: The parts of the KerasHub model.
        image_size: Side `S` of the square input, in pixels; a multiple of the patch.

    Returns:
        A model from `(batch, S, S, 3)` to the map that `fgmix.layers.TokensToMap` makes of its
        tokens. Dropout, which all published presets have at 0, is left out.
    """
    dim, patch = parts.patches.filters, parts.patches.kernel_size[0]
    own, registers = len(parts.class_tokens), 0
    if parts.register_tokens is not None:
        registers = parts.register_tokens.shape[1]
    grid = round((parts.positions.shape[-2] - own) ** 0.5)
    images = keras.Input((image_size, image_size, 3))
    embed = PatchEmbedding(
        dim,
        patch,
        grid,
        own,
        registers,
        parts.antialias,
        use_bias=parts.patches.use_bias,
        name="patches",
    )
    x = embed(images)
    _copy(parts.patches, embed.projection)
    embed.positions.assign(_rows(parts.positions, dim))
    prefix = [
        _rows(token, dim)
        for token in (*parts.class_tokens, parts.register_tokens)
        if token is not None
    ]
    if embed.prefix is not None:
        embed.prefix.assign(keras.ops.concatenate(prefix, axis=0))
    if parts.norm_before is not None:
        x = _normalized(x, parts.norm_before, "norm_before")
    for index, block in enumerate(parts.blocks, start=1):
        x = _block(x, block, parts.activation, f"block{index}")
    x = _normalized(x, parts.norm, "norm")
    lay_out = TokensToMap(own > 0, max(own - 1, 0) + registers, name="tokens_to_map")
    return keras.Model(images, lay_out(x), name="vision_transformer")


def _block(x: keras.KerasTensor, parts: Block, activation: str, name: str) -> keras.KerasTensor:
    block = TransformerBlock(
        parts.attention.num_heads,
        parts.fc2.kernel.shape[0],
        activation,
        parts.norm1.epsilon,
        1.0 if parts.scales else None,
        parts.attention.use_bias,
        name=name,
    )
    x = block(x)
    for source, target in (
        (parts.norm1, block.norm1),
        (parts.attention, block.attention),
        (parts.norm2, block.norm2),
        (parts.fc1, block.fc1),
        (parts.fc2, block.fc2),
    ):
        _copy(source, target)
    for value, scale in zip(parts.scales, block.scales, strict=True):
        scale.assign(value)
    return x


def _normalized(x: keras.KerasTensor, source: Layer, name: str) -> keras.KerasTensor:
    norm = keras.layers.LayerNormalization(epsilon=source.epsilon, name=name)
    x = norm(x)
    _copy(source, norm)
    return x


def _copy(source: Layer, target: keras.Layer) -> None:
    """Gives `target` the weights of `source`, a layer of the same class."""
    for value, variable in zip(source.weights, target.weights, strict=True):
        variable.assign(value)


def _rows(values: Any, dim: int) -> Any:
    return keras.ops.reshape(keras.ops.convert_to_tensor(values), (-1, dim))


def vit(backbone: Any) -> Parts:
    """Returns the parts of a `ViTBackbone`."""
    embed, encoder = backbone.layers[1], backbone.layers[2]
    return Parts(
        patches=embed.patch_embedding,
        positions=embed.position_embedding.embeddings,
        class_tokens=[embed.class_token] if embed.use_class_token else [],
        blocks=[
            Block(b.layer_norm_1, b.mha, b.layer_norm_2, b.mlp.dense_1, b.mlp.dense_2)
            for b in encoder.encoder_layers
        ],
        norm=encoder.layer_norm,
    )


def deit(backbone: Any) -> Parts:
    """Returns the parts of a `DeiTBackbone`."""
    embed, encoder = backbone.layers[1], backbone.layers[2]
    return Parts(
        patches=embed.patch_embedding,
        positions=embed.position_embedding,
        class_tokens=[embed.class_token, embed.distillation_token],
        blocks=[
            Block(b.layer_norm_1, b.mha, b.layer_norm_2, b.mlp.dense, b.output_layer.dense)
            for b in encoder.encoder_layers
        ],
        norm=encoder.layer_norm,
    )


def dinov2(backbone: Any) -> Parts:
    """Returns the parts of a `DINOV2Backbone`."""
    embed = backbone.embeddings
    first, second = ("weights_in", "weights_out") if backbone.use_swiglu_ffn else ("fc1", "fc2")
    return Parts(
        patches=embed.patch_embeddings.projection,
        positions=embed.position_embeddings,
        class_tokens=[embed.cls_token],
        register_tokens=embed.register_tokens if embed.num_register_tokens else None,
        blocks=[
            Block(
                b.norm1,
                b.attention.attention,
                b.norm2,
                getattr(b.mlp, first),
                getattr(b.mlp, second),
                (b.layer_scale1.lambda1, b.layer_scale2.lambda1),
            )
            for b in backbone.encoder.layers
        ],
        norm=backbone.layernorm,
        activation="swiglu" if backbone.use_swiglu_ffn else "gelu",
        antialias=embed.antialias_in_interpolation,
    )


def siglip(backbone: Any) -> Parts:
    """Returns the parts of the vision tower of a `SigLIPBackbone`, without its pooling."""
    tower = getattr(backbone, "vision_encoder", backbone)
    return Parts(
        patches=tower.embedding.patch_embedding,
        positions=tower.embedding.position_embedding.embeddings,
        blocks=[
            Block(b.layer_norm1, b.self_attn, b.layer_norm2, b.mlp.fc1, b.mlp.fc2)
            for b in tower.encoder_layers
        ],
        norm=tower.post_layer_norm,
        activation=ACTIVATION_NAMES[tower.intermediate_activation],
    )


def clip(backbone: Any) -> Parts:
    """Returns the parts of the vision tower of a `CLIPBackbone`, without its projection."""
    tower = getattr(backbone, "vision_encoder", backbone)
    return Parts(
        patches=tower.embedding.patch_embedding,
        positions=tower.embedding.position_embedding.embeddings,
        class_tokens=[tower.embedding.class_embedding],
        blocks=[
            Block(b.layer_norm_1, b.attention, b.layer_norm_2, b.dense_1, b.dense_2)
            for b in tower.encoder_layers
        ],
        norm=tower.layer_norm,
        activation=ACTIVATION_NAMES[tower.intermediate_activation],
        norm_before=tower.pre_layer_norm,
    )


ACTIVATION_NAMES = {"gelu": "gelu", "gelu_approximate": "gelu_tanh", "quick_gelu": "quick_gelu"}
"""Maps KerasHub's names of activations to those of `TransformerBlock`."""

PartsOf = Callable[[Any], Parts]
"""`(backbone) -> parts`."""
