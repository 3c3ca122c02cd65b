"""Reading parts of training photos: from disk or memory, in full or reduced, the same crops."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data import image_reader as reading
from fgmix.data.augment.registry import AUGMENTATIONS, cut_at
from fgmix.data.codec.decode import decode_image
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.image_reader import TrainingImages, free_memory
from fgmix.data.pipeline import training_batches
from fgmix.data.resized_cache.store import ResizedImage
from fgmix.errors import FgmixError

SIZE = 32
CROP = AUGMENTATIONS["random_resized_crop"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Photos of several formats and sizes, one of them turned, with a banner at the bottom."""
    root = tmp_path_factory.mktemp("photos")
    paths = []
    for i, name in enumerate(("a.jpg", "b.png", "c.jpg", "d.jpg", "e.bmp", "f.jpg")):
        rng = np.random.default_rng(i)
        small = rng.integers(0, 256, (4 + i, 7, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize((300, 200 + i), Image.Resampling.BICUBIC)
        exif = Image.Exif()
        if name == "d.jpg":
            exif[0x0112] = 6
        image.save(root / name, exif=exif, quality=90)
        paths.append(name)
    split = Split(tuple(paths), np.arange(6, dtype=np.int32) % 3)
    return ImageDataset("photos", root, ("x", "y", "z"), {"train": split}, crop_bottom=7)


def batches(dataset, **options):
    made = training_batches(
        dataset,
        image_size=SIZE,
        batch_size=3,
        augmentation="random_resized_crop",
        seed=5,
        epochs=2,
        **options,
    )
    return list(made.as_numpy_iterator())


def test_a_crop_is_cut_out_of_the_whole_image(dataset):
    read = TrainingImages(dataset).reader(CROP)
    for index, file in enumerate(dataset.files("train")):
        whole = decode_image(tf.io.read_file(file), dataset.crop_bottom)
        shape = tf.shape(whole)[:2]
        for number in range(8):
            seed = tf.constant([number, 9], tf.int64)
            low, high = cut_at(CROP.box(shape, seed), shape, shape)
            expected = whole[low[0] : high[0], low[1] : high[1]]
            np.testing.assert_array_equal(read(tf.constant(index), seed), expected)


def test_without_a_crop_the_whole_image_is_read(dataset):
    read = TrainingImages(dataset).reader(AUGMENTATIONS["pad_crop"])
    for index, file in enumerate(dataset.files("train")):
        whole = decode_image(tf.io.read_file(file), dataset.crop_bottom)
        np.testing.assert_array_equal(
            read(tf.constant(index), tf.constant([0, 0], tf.int64)), whole
        )


@pytest.mark.slow
def test_a_resized_image_is_read_in_place_of_its_original(dataset, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 75, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "resized.jpg", quality=98, subsampling=0)
    resized = {"c.jpg": ResizedImage(str(tmp_path / "resized.jpg"), (200, 300), 1, 1)}
    whole = tf.io.decode_image((tmp_path / "resized.jpg").read_bytes(), channels=3).numpy()
    read = TrainingImages(dataset, resized).reader(CROP)
    photo = tf.constant([200, 300])
    for number in range(8):
        seed = tf.constant([number, 9], tf.int64)
        low, high = cut_at(CROP.box(photo, seed), photo, tf.constant([50, 75]))
        expected = whole[low[0] : high[0], low[1] : high[1]]
        np.testing.assert_array_equal(read(tf.constant(2), seed), expected)
    decoded = TrainingImages(dataset, resized).decode()
    np.testing.assert_array_equal(decoded[2], whole)


@pytest.mark.slow
def test_images_in_memory_make_the_same_batches(dataset):
    decoded = TrainingImages(dataset).decode()
    assert len(decoded) == 6
    for one, other in zip(batches(dataset), batches(dataset, decoded=decoded), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
def test_reduced_images_make_nearly_the_same_batches(dataset):
    plain, reduced = batches(dataset), batches(dataset, reduced=True)
    differences = [np.abs(a[0] - b[0]) for a, b in zip(plain, reduced, strict=True)]
    assert max(d.max() for d in differences) > 0  # crops of 200 pixels for 32
    # A pixel of the crop's edge is an eighth of one of the result.
    assert np.mean(differences) < 3
    for one, other in zip(plain, reduced, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_images_that_exceed_the_memory_are_refused_in_one_line(dataset, monkeypatch):
    monkeypatch.setattr(reading, "free_memory", lambda: 400_000)
    with pytest.raises(FgmixError, match=r"--cache memory: .*leave it out") as caught:
        TrainingImages(dataset).decode()
    assert len(str(caught.value).splitlines()) == 1


def test_the_free_memory_is_known():
    assert 1e7 < free_memory() < 1e14
