"""DINOv2's small vision transformer in `torch.nn`, under timm's parameter names.

Equal to `vit_small_patch14_dinov2` of timm, with its tokens laid out as fgmix lays them out. timm
itself is not needed, so it runs wherever PyTorch does.
"""

import torch
from torch import nn
from torch.nn import functional

PATCH, DIM, HEADS, DEPTH, GRID = 14, 384, 6, 12, 37
"""Side of a patch, channels, heads, blocks, and side of the grid of position embeddings."""


class PatchEmbed(nn.Module):
    """A linear map of every patch."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, DIM, PATCH, PATCH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, 3, h, w)` to `(n, h / 14 * w / 14, DIM)`."""
        return self.proj(x).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with several heads, in one fused operation."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(DIM, 3 * DIM)
        self.proj = nn.Linear(DIM, DIM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, tokens, DIM)` to the same shape."""
        n, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
        x = functional.scaled_dot_product_attention(*qkv.unbind(0))
        return self.proj(x.transpose(1, 2).reshape(n, tokens, DIM))


class Perceptron(nn.Module):
    """Two linear maps with GELU between."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(DIM, 4 * DIM)
        self.fc2 = nn.Linear(4 * DIM, DIM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, tokens, DIM)` to the same shape."""
        return self.fc2(functional.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    """A learned scale for each channel."""

    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(DIM))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, tokens, DIM)` to the same shape."""
        return x * self.gamma


class Block(nn.Module):
    """Self-attention and a perceptron, each normalised before and scaled after."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(DIM, eps=1e-6) for _ in range(2))
        self.ls1, self.ls2 = LayerScale(), LayerScale()
        self.attn, self.mlp = Attention(), Perceptron()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, tokens, DIM)` to the same shape."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class SmallVisionTransformer(nn.Module):
    """ViT-S/14 with a class token and positions interpolated to the image."""

    def __init__(self, depth: int = DEPTH):
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, DIM))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + GRID**2, DIM))
        self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
        self.norm = nn.LayerNorm(DIM, eps=1e-6)

    def positions(self, side: int) -> torch.Tensor:
        """Returns the position embeddings of `side x side` patches, `(1, side * side, DIM)`."""
        grid = self.pos_embed[:, 1:].reshape(1, GRID, GRID, DIM).permute(0, 3, 1, 2)
        grid = functional.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
        return grid.flatten(2).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(n, 3, S, S)` to `(n, 2 * DIM, S / 14, S / 14)`: patches, and the class token."""
        n, side = len(x), x.shape[-1] // PATCH
        first = (self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1)
        x = torch.cat([first, self.patch_embed(x) + self.positions(side)], 1)
        x = self.norm(self.blocks(x))
        patches = x[:, 1:].transpose(1, 2).reshape(n, DIM, side, side)
        return torch.cat([patches, x[:, 0, :, None, None].expand(-1, -1, side, side)], 1)
