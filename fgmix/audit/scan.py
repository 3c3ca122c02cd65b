"""Reads every image of a data set once, for an audit."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from fgmix.audit.looks import Looks, see
from fgmix.audit.quality import Quality, measure, shrink
from fgmix.data.codec.diagnose import decodable, diagnose, read_header
from fgmix.data.dataset import ImageDataset


@dataclass(frozen=True)
class ScannedImage:
    """What the audit reads of one file.

    Attributes:
        path: The file, relative to the data set's root.
        split: Its split.
        class_name: Its class.
        problem: Why it can't be read; None for a readable image. Only a readable image has the
            attributes below.
        format: Pillow's name of its format; None if Pillow doesn't know it.
        width: In pixels, upright.
        height: In pixels, upright, without the rows that the data set crops.
        digest: SHA-256 of the file.
        looks: What it looks like; None for an image of a single colour.
        quality: How dark, bright and sharp it is.
    """

    path: str
    split: str
    class_name: str
    problem: str | None = None
    format: str | None = None
    width: int = 0
    height: int = 0
    digest: bytes = b""
    looks: Looks | None = None
    quality: Quality | None = None


def place_of(image: ScannedImage) -> dict[str, str]:
    """Returns what names an image in a finding: path, split and class."""
    return {"path": image.path, "split": image.split, "class": image.class_name}


def scan_images(dataset: ImageDataset) -> list[ScannedImage]:
    """Decodes every image as training does, on all cores.

    Draws a progress bar if standard error is a terminal.

    Returns:
        A `ScannedImage` for every file, split after split, in order.
    """
    places = [
        (name, path, dataset.class_names[label])
        for name, split in dataset.splits.items()
        for path, label in zip(split.paths, split.labels, strict=True)
    ]
    files = [str(dataset.root / path) for _, path, _ in places]
    seen: dict[int, ScannedImage] = {}
    with tqdm(total=len(files), unit=" photos", disable=None, leave=False) as bar:
        for index, content, image in decodable(files, _keep_both, dataset.crop_bottom):
            number = int(index)
            seen[number] = _describe(*places[number], content.numpy(), image.numpy())
            bar.update()
    return [
        seen.get(i) or ScannedImage(path, split, class_name, problem=diagnose(files[i]))
        for i, (split, path, class_name) in enumerate(places)
    ]


def _keep_both(content: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return content, image


def _describe(
    split: str, path: str, class_name: str, content: bytes, image: np.ndarray
) -> ScannedImage:
    height, width, _ = image.shape
    kind = read_header(io.BytesIO(content)).format
    grey = shrink(image)
    return ScannedImage(
        path,
        split,
        class_name,
        format="JPEG" if kind == "MPO" else kind,
        width=width,
        height=height,
        digest=hashlib.sha256(content).digest(),
        looks=see(grey),
        quality=measure(grey),
    )
