"""Training images as read by PyTorch's users: a DataLoader whose workers run PIL transforms.

The transforms do what torchvision's of the same name do on PIL images, with Pillow alone.
"""

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset, RandomSampler

PADDING = 4
AREA, ASPECT = (0.35, 1.0), (3 / 4, 4 / 3)
ENDLESS = 10**9


def _flip(photo: Image.Image) -> Image.Image:
    return ImageOps.mirror(photo) if random.random() < 0.5 else photo


def pad_crop(photo: Image.Image, size: int) -> Image.Image:
    """Resizes, pads by 4 black pixels, crops at random, and flips with probability 0.5."""
    photo = photo.resize((size, size), Image.Resampling.BILINEAR)
    photo = ImageOps.expand(photo, PADDING)
    left, top = random.randint(0, 2 * PADDING), random.randint(0, 2 * PADDING)
    return _flip(photo.crop((left, top, left + size, top + size)))


def random_resized_crop(photo: Image.Image, size: int) -> Image.Image:
    """Crops 35 to 100 % of the area at an aspect of 3:4 to 4:3, resizes, flips at random."""
    width, height = photo.size
    box = (0, 0, width, height)
    for _ in range(10):
        area = width * height * random.uniform(*AREA)
        aspect = math.exp(random.uniform(*map(math.log, ASPECT)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if w <= width and h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            box = (left, top, left + w, top + h)
            break
    return _flip(photo.resize((size, size), Image.Resampling.BILINEAR, box=box))


AUGMENTATIONS = {"pad_crop": pad_crop, "random_resized_crop": random_resized_crop}
"""The transforms by the name of their counterpart in `fgmix.data.augment.registry`."""


class Photos(Dataset):
    """Image files as float tensors `(3, size, size)` in [0, 1], as torchvision's ToTensor."""

    def __init__(
        self,
        files: Sequence[str],
        labels: Sequence[int],
        augment: Callable[[Image.Image, int], Image.Image],
        size: int,
    ):
        self.files, self.labels, self.augment, self.size = files, labels, augment, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[index]) as photo:
            photo = self.augment(photo.convert("RGB"), self.size)
        pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1).contiguous()
        return pixels.float().div(255), self.labels[index]


def loader(photos: Photos, batch_size: int, workers: int) -> DataLoader:
    """Yields endless batches in random order."""
    sampler = RandomSampler(photos, replacement=True, num_samples=ENDLESS)
    return DataLoader(photos, batch_size, sampler=sampler, num_workers=workers)
