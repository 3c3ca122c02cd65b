"""The backbones in `torch.nn`, under torchvision's and timm's parameter names.

Each equals torchvision's network up to its last feature map, the vision transformer timm's. Neither
library is needed, so they run wherever PyTorch does.
"""

from collections import OrderedDict

import torch
from torch import nn

from benchmarks.peers.torch_vit import DIM, PATCH, SmallVisionTransformer

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a max pooling."""
MOBILENET_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
"""Expansion, channels, blocks and first stride of each stage (Sandler et al., 2018, Table 2)."""


def vgg16(normalized: bool = False) -> nn.Module:
    """Convolution, normalisation if wanted, ReLU, with max poolings between, as `features`."""
    layers: list[nn.Module] = []
    channels = 3
    for width in VGG16:
        if width == 0:
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers.append(nn.Conv2d(channels, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width)] if normalized else []
        layers.append(nn.ReLU(inplace=True))
        channels = width
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers)))


def vgg16_bn() -> nn.Module:
    """VGG16 with batch normalisation, the paper's."""
    return vgg16(normalized=True)


class Bottleneck(nn.Module):
    """1 x 1 down, 3 x 3 with the stride, 1 x 1 up, plus the input."""

    def __init__(self, channels: int, width: int, stride: int, project: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if project:
            convolution = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, channels, h, w)` to `(n, 4 * width, h / stride, w / stride)`."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet50_torch() -> nn.Module:
    """The stem and four stages, strides in the 3 x 3 convolutions."""
    parts = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, 2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, 2, padding=1),
    )
    channels = 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        row = []
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            row.append(Bottleneck(channels, width, stride, project=block == 0))
            channels = 4 * width
        parts[f"layer{stage}"] = nn.Sequential(*row)
    return nn.Sequential(parts)


def _unit(channels: int, width: int, side: int, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """1 x 1 up, depthwise 3 x 3, 1 x 1 down, plus the input where shapes match."""

    def __init__(self, channels: int, width: int, stride: int, expansion: int):
        super().__init__()
        hidden = expansion * channels
        layers = [] if expansion == 1 else [_unit(channels, hidden, 1)]
        layers += [
            _unit(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, width, 1, bias=False),
            nn.BatchNorm2d(width),
        ]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and channels == width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, channels, h, w)` to `(n, width, h / stride, w / stride)`."""
        return x + self.conv(x) if self.adds else self.conv(x)


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 of width 1."""
    layers, channels = [_unit(3, 32, 3, 2)], 32
    for expansion, width, blocks, first in MOBILENET_V2:
        for block in range(blocks):
            stride = first if block == 0 else 1
            layers.append(InvertedResidual(channels, width, stride, expansion))
            channels = width
    layers.append(_unit(channels, 1280, 1))
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers)))


def tiny() -> nn.Module:
    """The small network of fgmix's demo."""
    layers: list[nn.Module] = []
    channels = 3
    for block, width in enumerate((24, 48, 96, 128)):
        for _ in range(1 if block == 0 else 2):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


NETWORKS = {
    "vgg16": vgg16,
    "vgg16_bn": vgg16_bn,
    "resnet50_torch": resnet50_torch,
    "mobilenet_v2": mobilenet_v2,
    "dinov2_small": SmallVisionTransformer,
    "tiny": tiny,
}
"""The networks by the name of the same backbone in `fgmix.models`."""
CHANNELS = {
    "vgg16": 512,
    "vgg16_bn": 512,
    "resnet50_torch": 2048,
    "mobilenet_v2": 1280,
    "dinov2_small": 2 * DIM,
    "tiny": 128,
}
STRIDES = dict.fromkeys(NETWORKS, 32) | {"dinov2_small": PATCH, "tiny": 16}


def draw(network: nn.Module) -> nn.Module:
    """Draws all numbers so that activations neither vanish nor explode.

    Weights, affine parameters and running statistics, so that an omission would be noticed.
    """
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network
