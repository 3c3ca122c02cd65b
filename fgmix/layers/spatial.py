"""Spatial attention (SA), the paper's equations 2 and 3."""

from typing import Any

import keras
from keras import ops

from fgmix.layers.excitation import Excitation
from fgmix.layers.numerics import Shape, Tensor, narrow, scale


def _softmax_over_positions(values: Tensor) -> Tensor:
    _, height, width, _ = values.shape
    flat = ops.softmax(ops.reshape(values, (-1, height * width)), axis=-1)
    return ops.reshape(flat, (-1, height, width, 1))


GATES = {
    "linear": lambda values: values,
    "sigmoid": ops.sigmoid,
    "softmax": _softmax_over_positions,
}
"""Maps the name of a gate to its function on `v`, `(batch, height, width, 1)`."""


@keras.saving.register_keras_serializable(package="fgmix")
class SpatialAttention(keras.layers.Layer):
    """Scales every position by one weight, a softmax-weighted sum over the channels.

    `s = softmax(e)` over the channels, where `e` is the output of `Excitation`; `v` is the sum of
    `U * s` over the channels (equation 2 and `F_flat`); and `X_s = U * gate(v)` (equation 3).
    `docs/explanation/method.md` explains the choice of the sum and of the gates.

    The linear gate makes the output quadratic in the features. In float16, products beyond 65504
    are clipped to that value instead of becoming infinite.

    Args:
        reduction: Number of channels per hidden unit of the excitation. At least 1.
        gate: The function applied to `v` before it multiplies `U`: `"linear"` (the identity, as in
            the paper's text), `"sigmoid"`, or `"softmax"` over the positions.

    Input shape:
        `(batch, height, width, channels)`: the feature map `U`. The softmax gate needs a fixed
        height and width.

    Output shape:
        Same as the input: `X_s`.

    Raises:
        ValueError: If `gate` is not one of the three, or `reduction` is less than 1.

    Reference:
        Equations 2 and 3 of the paper.

    Example:
        >>> features = keras.random.normal((2, 7, 7, 32))
        >>> attention = SpatialAttention(reduction=8, gate="sigmoid")
        >>> tuple(attention(features).shape)
        (2, 7, 7, 32)
        >>> tuple(attention.spatial_map(features).shape)
        (2, 7, 7, 1)
    """

    def __init__(self, reduction: int = 16, gate: str = "linear", **kwargs: Any):
        super().__init__(**kwargs)
        if gate not in GATES:
            raise ValueError(f"gate must be one of {', '.join(GATES)}, not {gate!r}")
        self.gate = gate
        self.excitation = Excitation(reduction, dtype=self.dtype_policy, name="excitation")

    def build(self, input_shape: Shape) -> None:
        self.excitation.build(input_shape)

    def spatial_map(self, features: Tensor) -> Tensor:
        """Returns the position weights `gate(v)`.

        Args:
            features: `(batch, height, width, channels)`.

        Returns:
            `(batch, height, width, 1)`, in the dtype of the layer's variables.
        """
        weights = ops.softmax(self.excitation(features), axis=-1)
        # One contraction computes `sum(U * s)` without storing `U * s`, which is as large as `U`.
        values = ops.einsum("bhwc,bc->bhw", ops.cast(features, weights.dtype), weights)
        return GATES[self.gate](values[..., None])

    def call(self, features: Tensor) -> Tensor:
        return scale(features, self.spatial_map(features))

    def mean(self, features: Tensor) -> Tensor:
        """Returns the mean of the layer's output over the positions, without computing that.

        The mean of `U * gate(v)` is a product of the matrix `U` with the vector `gate(v)`.

        Args:
            features: `(batch, height, width, channels)`.

        Returns:
            `(batch, 1, 1, channels)`.
        """
        gates = ops.cast(self.spatial_map(features), "float32")
        _, height, width, channels = features.shape
        positions = height * width
        rows = ops.reshape(ops.cast(features, "float32"), (-1, positions, channels))
        # As a product of matrices, because `einsum` would transpose the features first.
        means = ops.matmul(ops.reshape(gates, (-1, 1, positions)), rows)
        return narrow(ops.reshape(means, (-1, 1, 1, channels)) / positions, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction": self.excitation.reduction,
            "gate": self.gate,
        }
