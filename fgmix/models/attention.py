"""The registry of attentions: the layers between backbone and head, by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# Keras is imported only when a layer is built, so that `--help` can list the names quickly.


def _none(reduction: int, gate: str) -> "keras.layers.Layer":
    import keras

    return keras.layers.Identity(name="attention")


def _channel(reduction: int, gate: str) -> "keras.layers.Layer":
    from fgmix.layers import ChannelAttention

    return ChannelAttention(reduction, name="attention")


def _spatial(reduction: int, gate: str) -> "keras.layers.Layer":
    from fgmix.layers import SpatialAttention

    return SpatialAttention(reduction, gate, name="attention")


def _mixed(reduction: int, gate: str) -> "keras.layers.Layer":
    from fgmix.layers import MixedAttention

    return MixedAttention(reduction, gate, name="attention")


def _conv(reduction: int, gate: str) -> "keras.layers.Layer":
    from fgmix.layers import ConcatenatedConvolution

    return ConcatenatedConvolution(name="attention")


def _cbam(reduction: int, gate: str) -> "keras.layers.Layer":
    from fgmix.layers import CBAM

    return CBAM(reduction, name="attention")


ATTENTIONS: dict[str, Callable[[int, str], "keras.layers.Layer"]] = {
    "none": _none,
    "channel": _channel,
    "spatial": _spatial,
    "mixed": _mixed,
    "conv": _conv,
    "cbam": _cbam,
}
"""Maps a name to `(reduction, gate) -> layer`. The layer is named "attention"; only spatial and
mixed attention use the gate.
"""
