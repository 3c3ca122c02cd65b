"""A folder with every kind of file, read for training, evaluation and serving, against Pillow."""

import io
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from fgmix.data.codec.batch import load_batch
from fgmix.data.pipeline import evaluation_batches, training_batches
from fgmix.data.sources.folder import load_folder
from tests.data.codec.test_decode import (
    HEIGHT,
    LOSSLESS,
    LOSSY,
    WIDTH,
    exif,
    gradient,
    jpeg_with,
    segment,
    tiff,
)
from tests.data.codec.variants import encode

SIZE, CROP = 20, 5
TURNED = {
    **{f"jpeg-orientation-{n}": jpeg_with(segment(exif(n))) for n in range(2, 9)},
    "png-orientation-6": encode(gradient(), "PNG", exif=tiff(6)),
    "webp-orientation-8": encode(gradient(), "WEBP", exif=tiff(8), lossless=True),
}
CONTENTS = {name: draw() for name, draw in (LOSSLESS | LOSSY).items()} | TURNED
SUFFIXES = {"jpeg": ".JPG", "png": ".Png", "bmp": ".BMP", "gif": ".gif", "webp": ".WebP"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Every kind of file in one class, and links to the same files in another."""
    root = tmp_path_factory.mktemp("data") / "мои фото"
    for part in ("train", "test"):
        folder = root / part / "Zaunkönig (m) #1"
        folder.mkdir(parents=True)
        for name, content in CONTENTS.items():
            suffix = SUFFIXES[name.split("-")[0]]
            (folder / f"photo ü {name}{suffix}").write_bytes(content)
        linked = root / part / "links"
        linked.mkdir()
        for photo in folder.iterdir():
            (linked / photo.name).symlink_to(photo)
        (root / part / "whole class").symlink_to(linked, target_is_directory=True)
    return load_folder(root)


def as_viewed(file, crop_bottom=0):
    """The image as an image viewer shows it, resized to the size of the tests."""
    with Image.open(file) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright = upright.crop((0, 0, upright.width, upright.height - crop_bottom))
    return np.asarray(upright.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)


def evaluated(dataset, split):
    batches = evaluation_batches(dataset, split, image_size=SIZE, batch_size=7)
    return np.concatenate([images for images, _ in batches])


def test_every_file_is_listed(dataset):
    assert dataset.class_names == ("Zaunkönig (m) #1", "links", "whole class")
    assert np.bincount(dataset.splits["train"].labels).tolist() == [len(CONTENTS)] * 3


@pytest.mark.parametrize("crop_bottom", [0, CROP])
def test_evaluation_sees_what_pillow_sees(dataset, crop_bottom):
    dataset = replace(dataset, crop_bottom=crop_bottom)
    for file, image in zip(dataset.files("test"), evaluated(dataset, "test"), strict=True):
        difference = np.abs(image - as_viewed(file, crop_bottom)).mean()
        # Resizing: Pillow rounds to whole levels, once for each axis. CMYK: one level more.
        assert difference < 1.1, file


@pytest.mark.slow
def test_training_and_serving_see_what_evaluation_sees(dataset):
    train = dataset.files("train")
    images = evaluated(dataset, "train")
    serve = tf.function(lambda contents: load_batch(contents, SIZE))
    served, valid = serve(tf.stack([tf.io.read_file(file) for file in train]))
    assert valid.numpy().all()
    np.testing.assert_array_equal(served, images)

    batches = training_batches(
        dataset, image_size=SIZE, batch_size=len(train), augmentation="none", seed=0, epochs=1
    )
    trained, labels = next(iter(batches))
    assert sorted(image.tobytes() for image in trained.numpy()) == sorted(
        image.tobytes() for image in images
    )
    assert labels.shape == (len(train), 3)


def test_the_images_are_not_square():
    # So that a rotated image would be noticed.
    assert HEIGHT != WIDTH
    with Image.open(io.BytesIO(TURNED["png-orientation-6"])) as image:
        assert ImageOps.exif_transpose(image).size == (HEIGHT, WIDTH)
