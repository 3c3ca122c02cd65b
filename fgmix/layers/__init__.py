"""Keras layers: the paper's attentions, CBAM and a control, normalisation, vision transformers."""

from fgmix.layers.cbam import CBAM
from fgmix.layers.channel import ChannelAttention
from fgmix.layers.conv import ConcatenatedConvolution
from fgmix.layers.excitation import Excitation
from fgmix.layers.mixed import MixedAttention
from fgmix.layers.normalization import ImageNormalization
from fgmix.layers.patch_embedding import PatchEmbedding
from fgmix.layers.power_normalization import PowerNormalization
from fgmix.layers.residual import ResidualAttention
from fgmix.layers.spatial import GATES, SpatialAttention
from fgmix.layers.tokens_to_map import TokensToMap
from fgmix.layers.transformer_block import TransformerBlock

__all__ = [
    "CBAM",
    "GATES",
    "ChannelAttention",
    "ConcatenatedConvolution",
    "Excitation",
    "ImageNormalization",
    "MixedAttention",
    "PatchEmbedding",
    "PowerNormalization",
    "ResidualAttention",
    "SpatialAttention",
    "TokensToMap",
    "TransformerBlock",
]
