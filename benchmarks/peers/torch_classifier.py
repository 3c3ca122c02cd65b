"""The whole classifier in `torch.nn`: normalisation, backbone, attention and head."""

from collections import OrderedDict

import torch
from torch import nn

from benchmarks.peers.torch_networks import CHANNELS, NETWORKS, STRIDES

HIDDEN, REDUCTION = 512, 16
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalization(nn.Module):
    """Normalises RGB in [0, 255] to mean 0 and standard deviation 1 over ImageNet."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(STD)).reshape(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalises `(n, 3, h, w)` of any dtype."""
        return (x.float() - self.mean) * self.scale


def _excitation(channels: int) -> nn.Sequential:
    hidden = max(1, channels // REDUCTION)
    return nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))


class MixedAttention(nn.Module):
    """The paper's eqs. 1 to 4 with the linear gate."""

    def __init__(self, channels: int):
        super().__init__()
        self.channel, self.spatial = _excitation(channels), _excitation(channels)
        self.merge = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Maps `(n, channels, h, w)` to the same shape."""
        z = u.mean((2, 3))
        by_channel = u * self.channel(z).sigmoid()[:, :, None, None]
        weights = self.spatial(z).softmax(1)[:, :, None, None]
        by_position = u * (u * weights).sum(1, keepdim=True)
        return self.merge(torch.cat([by_channel, by_position], 1))


ATTENTIONS = {"none": lambda channels: nn.Identity(), "mixed": MixedAttention}


def build_classifier(
    name: str, attention: str, pooling: str, classes: int, image_size: int
) -> nn.Module:
    """Maps RGB in [0, 255], `(n, 3, S, S)`, to logits `(n, classes)`."""
    channels = CHANNELS[name]
    positions = 1 if pooling == "avg" else (-(-image_size // STRIDES[name])) ** 2
    return nn.Sequential(
        OrderedDict(
            normalization=Normalization(),
            backbone=NETWORKS[name](),
            attention=ATTENTIONS[attention](channels),
            pool=nn.AdaptiveAvgPool2d(1) if pooling == "avg" else nn.Identity(),
            flatten=nn.Flatten(),
            fc=nn.Linear(channels * positions, HIDDEN),
            bn=nn.BatchNorm1d(HIDDEN),
            elu=nn.ELU(),
            logits=nn.Linear(HIDDEN, classes),
        )
    )
