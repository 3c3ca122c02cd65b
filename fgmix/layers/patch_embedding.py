"""Patch embedding: from an image to the tokens of a vision transformer."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor
from fgmix.layers.resampling import resampling_matrix


@keras.saving.register_keras_serializable(package="fgmix")
class PatchEmbedding(keras.layers.Layer):
    """Turns an image into tokens: `[c + p_c, r, E x + resize(p)]`.

    `E x` is a linear map of every patch of the image, row by row. `p` are learned position
    embeddings of a grid of `grid x grid` patches, which are interpolated to the patches of the
    image, so one set of weights serves every image size that is a multiple of the patch. `c` are
    class tokens with positions `p_c` of their own, `r` are register tokens without positions.

    Args:
        dim: Number of channels `C` of a token.
        patch_size: Side of a patch, in pixels.
        grid: Patches along a side of the grid of position embeddings.
        class_tokens: Number of tokens with positions of their own, before all others: 1 for a
            class token, 2 for a class and a distillation token (DeiT), 0 for none (SigLIP).
        register_tokens: Number of register tokens, between class and patch tokens.
        antialias: Whether position embeddings are interpolated with antialiasing.
        use_bias: Whether the linear map has a bias.

    Input shape:
        `(batch, height, width, channels)`; height and width are multiples of the patch.

    Output shape:
        `(batch, class_tokens + register_tokens + h * w, dim)` with `h = height / patch_size` and
        `w = width / patch_size`.

    Raises:
        ValueError: If height or width is no multiple of the patch.

    Reference:
        Dosovitskiy et al., *An Image is Worth 16x16 Words*, 2021, equation 1; Darcet et al.,
        *Vision Transformers Need Registers*, 2024. Interpolation as in Hugging Face's
        `interpolate_pos_encoding`.

    Example:
        >>> embed = PatchEmbedding(dim=32, patch_size=14, grid=16, register_tokens=4)
        >>> tuple(embed(keras.ops.zeros((2, 56, 28, 3))).shape)  # 1 + 4 + 4 * 2
        (2, 13, 32)
    """

    def __init__(
        self,
        dim: int,
        patch_size: int,
        grid: int,
        class_tokens: int = 1,
        register_tokens: int = 0,
        antialias: bool = False,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.dim, self.patch_size, self.grid = dim, patch_size, grid
        self.class_tokens, self.register_tokens = class_tokens, register_tokens
        self.antialias = antialias
        self.projection = keras.layers.Conv2D(
            dim,
            patch_size,
            strides=patch_size,
            use_bias=use_bias,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, input_shape: Shape) -> None:
        if any(side is not None and side % self.patch_size for side in input_shape[1:3]):
            raise ValueError(
                f"images of {input_shape[1]} x {input_shape[2]} pixels do not divide into patches "
                f"of {self.patch_size}"
            )
        self.projection.build(input_shape)
        small = keras.initializers.TruncatedNormal(stddev=0.02)
        before = self.class_tokens + self.register_tokens
        self.prefix = None  # a variable without numbers would be in the way of optimizers
        if before:
            self.prefix = self.add_weight((before, self.dim), initializer=small, name="prefix")
        self.positions = self.add_weight(
            (self.class_tokens + self.grid**2, self.dim), initializer=small, name="positions"
        )

    def call(self, images: Tensor) -> Tensor:
        patches = self.projection(images)
        height, width = patches.shape[1:3]
        own = self.class_tokens
        positions = ops.convert_to_tensor(self.positions)
        placed = self._resized(positions[own:], height, width)
        patches = ops.reshape(patches, (-1, height * width, self.dim))
        patches = patches + ops.cast(placed, patches.dtype)
        if self.prefix is None:
            return patches
        prefix = ops.convert_to_tensor(self.prefix)
        prefix = ops.concatenate([prefix[:own] + positions[:own], prefix[own:]], axis=0)
        shape = (ops.shape(patches)[0], own + self.register_tokens, self.dim)
        prefix = ops.broadcast_to(ops.cast(prefix, patches.dtype)[None], shape)
        return ops.concatenate([prefix, patches], axis=1)

    def _resized(self, positions: Tensor, height: int, width: int) -> Tensor:
        """Interpolates the positions, `(grid * grid, dim)`, to `(height * width, dim)`."""
        if (height, width) == (self.grid, self.grid):
            return positions
        positions = ops.reshape(positions, (self.grid, self.grid, self.dim))
        for axis, target in ((0, height), (1, width)):
            matrix = resampling_matrix(self.grid, target, self.antialias)
            positions = ops.tensordot(ops.cast(matrix, positions.dtype), positions, [[1], [axis]])
            positions = ops.moveaxis(positions, 0, axis)
        return ops.reshape(positions, (height * width, self.dim))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        height, width = (side // self.patch_size for side in input_shape[1:3])
        tokens = self.class_tokens + self.register_tokens + height * width
        return (input_shape[0], tokens, self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "patch_size": self.patch_size,
            "grid": self.grid,
            "class_tokens": self.class_tokens,
            "register_tokens": self.register_tokens,
            "antialias": self.antialias,
            "use_bias": self.projection.use_bias,
        }
