"""Keras layers: the paper's attentions, CBAM and a control to compare with, and normalisations."""

from fgmix.layers.cbam import CBAM
from fgmix.layers.channel import ChannelAttention
from fgmix.layers.conv import ConcatenatedConvolution
from fgmix.layers.excitation import Excitation
from fgmix.layers.mixed import MixedAttention
from fgmix.layers.normalization import ImageNormalization
from fgmix.layers.power_normalization import PowerNormalization
from fgmix.layers.residual import ResidualAttention
from fgmix.layers.spatial import GATES, SpatialAttention

__all__ = [
    "CBAM",
    "GATES",
    "ChannelAttention",
    "ConcatenatedConvolution",
    "Excitation",
    "ImageNormalization",
    "MixedAttention",
    "PowerNormalization",
    "ResidualAttention",
    "SpatialAttention",
]
