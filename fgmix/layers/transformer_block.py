"""A block of a vision transformer: self-attention and a perceptron, each normalised before."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from fgmix.layers.numerics import Shape, Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_tanh": lambda x: ops.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
}
"""Activations of the perceptron, by name."""
SWIGLU = "swiglu"
"""A gated perceptron: half of its hidden units, through SiLU, scale the other half."""


@keras.saving.register_keras_serializable(package="fgmix")
class TransformerBlock(keras.layers.Layer):
    """Computes `y = x + s1 * MHA(LN1(x))` and `z = y + s2 * MLP(LN2(y))` on tokens.

    `MHA` is self-attention with several heads, `MLP(u) = W2 act(W1 u + b1) + b2`; with `"swiglu"`,
    `MLP(u) = W2 (silu(a) * b) + b2` where `[a, b] = W1 u + b1`. `s1` and `s2` are learned scales of
    the channels (LayerScale), or 1.

    Args:
        num_heads: Number of heads; the channels divide into them.
        mlp_dim: Number of hidden units of the perceptron: inputs of `W2`.
        activation: A name from `ACTIVATIONS`, or `"swiglu"`.
        epsilon: Added to the variance in both normalisations.
        layer_scale: The initial value of `s1` and `s2`; None for no scales.
        use_bias: Whether queries, keys, values and their output have a bias.

    Input shape:
        `(batch, tokens, channels)`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If the activation is unknown.

    Reference:
        Dosovitskiy et al., *An Image is Worth 16x16 Words*, 2021, equations 2 and 3; Touvron et
        al., *Going deeper with Image Transformers*, 2021 (LayerScale); Shazeer, *GLU Variants
        Improve Transformer*, 2020.

    Example:
        >>> block = TransformerBlock(num_heads=4, mlp_dim=64, layer_scale=1.0)
        >>> tuple(block(keras.random.normal((2, 5, 32))).shape)
        (2, 5, 32)
    """

    def __init__(
        self,
        num_heads: int,
        mlp_dim: int,
        activation: str = "gelu",
        epsilon: float = 1e-6,
        layer_scale: float | None = None,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if activation not in (*ACTIVATIONS, SWIGLU):
            raise ValueError(
                f"unknown activation {activation!r}: choose one of "
                f"{', '.join([*ACTIVATIONS, SWIGLU])}"
            )
        self.num_heads, self.mlp_dim = num_heads, mlp_dim
        self.activation, self.epsilon = activation, epsilon
        self.layer_scale, self.use_bias = layer_scale, use_bias

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        policy = {"dtype": self.dtype_policy}
        gates = 2 if self.activation == SWIGLU else 1
        self.norm1 = keras.layers.LayerNormalization(epsilon=self.epsilon, name="norm1", **policy)
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads, channels // self.num_heads, use_bias=self.use_bias, name="mha", **policy
        )
        self.norm2 = keras.layers.LayerNormalization(epsilon=self.epsilon, name="norm2", **policy)
        self.fc1 = keras.layers.Dense(gates * self.mlp_dim, name="fc1", **policy)
        self.fc2 = keras.layers.Dense(channels, name="fc2", **policy)
        self.norm1.build(input_shape)
        self.attention.build(input_shape, input_shape)
        self.norm2.build(input_shape)
        self.fc1.build(input_shape)
        self.fc2.build((*input_shape[:-1], self.mlp_dim))
        self.scales = []
        if self.layer_scale is not None:
            start = keras.initializers.Constant(self.layer_scale)
            self.scales = [
                self.add_weight((channels,), initializer=start, name=name)
                for name in ("scale1", "scale2")
            ]

    def call(self, tokens: Tensor, training: bool | None = None) -> Tensor:
        x = self.norm1(tokens)
        tokens = tokens + self._scaled(self.attention(x, x, training=training), 0)
        return tokens + self._scaled(self._perceptron(self.norm2(tokens)), 1)

    def _perceptron(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        if self.activation == SWIGLU:
            gate, value = ops.split(x, 2, axis=-1)
            return self.fc2(ops.silu(gate) * value)
        return self.fc2(ACTIVATIONS[self.activation](x))

    def _scaled(self, x: Tensor, index: int) -> Tensor:
        return x * ops.cast(self.scales[index], x.dtype) if self.scales else x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "activation": self.activation,
            "epsilon": self.epsilon,
            "layer_scale": self.layer_scale,
            "use_bias": self.use_bias,
        }
