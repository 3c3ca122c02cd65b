"""Loads weights in torchvision's format (`.safetensors`) into a backbone with matching names."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmix.errors import FgmixError
from fgmix.lazy import import_optional

if TYPE_CHECKING:
    import keras

TENSORS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""PyTorch's names of the variables of Keras's Conv2D and BatchNormalization."""
CLASSIFIERS = ("fc.", "classifier.", "pre_logits.", "head.")
"""Prefixes of the tensors of the classifier in torchvision and timm, which are skipped."""
FLOATS = ("F64", "F32", "F16", "BF16")
SHOWN = 3
"""How many tensors an error message names; it counts the others."""


def load_torchvision(features: "keras.Model", path: Path, name: str) -> None:
    """Loads a `.safetensors` file into a backbone.

    Kernels are transposed from PyTorch's `(out, in, height, width)` to Keras's `(height, width, in,
    out)`; float16, bfloat16 and float64 are converted to float32. If the file does not fit, the
    backbone stays unchanged.

    Args:
        features: A model whose layers are named after torchvision's modules, with `_` for `.`.
        path: The file.
        name: The registry name of the backbone, for messages.

    Raises:
        FgmixError: If the package safetensors is missing, the file is damaged, or a tensor is
            missing, unknown, or of the wrong shape or type. The message names the tensors.
    """
    safetensors = import_optional("safetensors", "hub", "reading a .safetensors file")
    expected = {
        f"{layer.name.replace('_', '.')}.{TENSORS[variable.name]}": variable
        for layer in features.layers
        for variable in layer.variables
    }
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            found = {
                key: file.get_slice(key)
                for key in file.keys()  # noqa: SIM118 (a safe_open is not iterable)
                if not key.startswith(CLASSIFIERS) and not key.endswith(".num_batches_tracked")
            }
            problems = _compare(expected, found)
            if problems:
                raise FgmixError(
                    f"{path} does not hold the weights of {name} in torchvision's names and "
                    f"shapes: {'; '.join(problems)}"
                )
            arrays = {key: _to_keras(file.get_tensor(key)) for key in expected}
    except safetensors.SafetensorError as error:
        raise FgmixError(
            f"{path} is damaged or not a safetensors file ({error}): fetch it again"
        ) from error
    for key, variable in expected.items():
        variable.assign(arrays[key])


def _compare(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Returns what is wrong with a file's tensors, one text per kind of fault."""
    both = [key for key in expected if key in found]
    shapes = {key: (found[key].get_shape(), _torch_shape(expected[key].shape)) for key in both}
    faults = {
        "missing": (key for key in expected if key not in found),
        "unknown": (key for key in found if key not in expected),
        "misshapen": (
            f"{key} {tuple(got)} instead of {tuple(wanted)}"
            for key, (got, wanted) in shapes.items()
            if list(got) != list(wanted)
        ),
        "not float": (
            f"{key} {found[key].get_dtype()}"
            for key in both
            if found[key].get_dtype() not in FLOATS
        ),
    }
    return [text for fault, keys in faults.items() if (text := _name(fault, keys))]


def _name(fault: str, keys: Iterable[str]) -> str:
    """Returns a text like `missing a, b, c and 4 more`; an empty one if there are no keys."""
    keys = list(keys)
    rest = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"{fault} {', '.join(keys[:SHOWN])}{rest}" if keys else ""


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape


def _to_keras(tensor: np.ndarray) -> np.ndarray:
    kernel = tensor.ndim == 4
    return (tensor.transpose(2, 3, 1, 0) if kernel else tensor).astype("float32")
