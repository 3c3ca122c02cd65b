"""Products that stay finite in half precision."""

from typing import Any

import keras
from keras import ops

Tensor = Any  # an eager or symbolic tensor of any Keras backend
Shape = Any  # a tuple of int; the batch, height and width may be None


def narrow(values: Tensor, dtype: str) -> Tensor:
    """Casts `values` to `dtype`; clips to the finite range if `dtype` is float16."""
    # Other dtypes are not clipped: bfloat16 has float32's range, and an infinity in float32 means
    # that training has diverged, which must stay visible.
    if keras.backend.standardize_dtype(dtype) == "float16":
        return ops.saturate_cast(values, dtype)
    return ops.cast(values, dtype)


def scale(features: Tensor, weights: Tensor) -> Tensor:
    """Returns `features * weights` in the dtype of `features` (the paper's `F_scale`, `F_mul`).

    Args:
        features: `(batch, height, width, channels)`.
        weights: Broadcastable to `features`, in a dtype at least as wide.

    Returns:
        `(batch, height, width, channels)`, clipped to the finite range in float16.
    """
    if keras.backend.standardize_dtype(features.dtype) == "float16":
        return narrow(ops.cast(features, weights.dtype) * weights, features.dtype)
    return features * ops.cast(weights, features.dtype)
