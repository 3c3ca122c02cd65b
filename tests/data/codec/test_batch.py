"""Batches of image files: damaged ones are marked and change nothing of the others."""

import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.codec.batch import load_batch
from fgmix.data.codec.decode import load_image
from tests.data.codec.test_decode import (
    LOSSLESS,
    LOSSY,
    UNDECODABLE,
    exif,
    gradient,
    jpeg_with,
    rgb,
    segment,
)
from tests.data.codec.variants import encode

IMAGE_SIZE, CROP = 32, 3


class BatchLoader(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, image_bytes):
        return load_batch(image_bytes, IMAGE_SIZE, CROP)


@pytest.fixture(scope="module")
def batch_loader(tmp_path_factory):
    """`load_batch` with its size and crop fixed, saved as a SavedModel and loaded again."""
    folder = str(tmp_path_factory.mktemp("saved") / "loader")
    tf.saved_model.save(BatchLoader(), folder)
    return tf.saved_model.load(folder)


@pytest.mark.slow
def test_load_batch_isolates_undecodable_rows(batch_loader):
    good = [*(draw() for draw in (LOSSLESS | LOSSY).values()), jpeg_with(segment(exif(8)))]
    contents = []
    for index, content in enumerate(good):
        contents += [content, list(UNDECODABLE.values())[index % len(UNDECODABLE)]]
    images, valid = batch_loader(tf.constant(contents))
    np.testing.assert_array_equal(valid, [True, False] * len(good))
    np.testing.assert_array_equal(images[1::2], np.zeros_like(images[1::2]))
    load = tf.function(
        lambda content: load_image(content, IMAGE_SIZE, CROP),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    for image, content in zip(images[::2], good, strict=True):
        np.testing.assert_array_equal(image, load(content))


def test_images_keep_their_places_and_bits_in_a_batch(batch_loader):
    # The first takes the longest, so that the others are ready before it.
    contents = [encode(gradient(900, 1300), "JPEG"), *(draw() for draw in LOSSY.values())]
    images, valid = batch_loader(tf.constant(contents))
    assert valid.numpy().all()
    for content, image in zip(contents, images, strict=True):
        alone, _ = batch_loader(tf.constant([content]))
        np.testing.assert_array_equal(image, alone[0])


def test_several_sizes():
    contents = tf.constant([encode(rgb(), "PNG"), b"bad", LOSSY["jpeg-rgb"]()])
    both, valid = load_batch(contents, (16, 24))
    np.testing.assert_array_equal(valid, [True, False, True])
    for size, images in zip((16, 24), both, strict=True):
        np.testing.assert_array_equal(images, load_batch(contents, size)[0])


def test_load_batch_of_undecodable_rows_is_zero(batch_loader):
    images, valid = batch_loader(tf.constant(list(UNDECODABLE.values())))
    assert images.shape == (len(UNDECODABLE), IMAGE_SIZE, IMAGE_SIZE, 3)
    assert not images.numpy().any()
    assert not valid.numpy().any()


def test_empty_batch(batch_loader):
    images, valid = batch_loader(tf.zeros([0], tf.string))
    assert images.shape == (0, IMAGE_SIZE, IMAGE_SIZE, 3)
    assert images.dtype == tf.float32
    assert valid.shape == (0,)
    assert valid.dtype == tf.bool


def test_load_batch_outside_a_graph():
    images, valid = load_batch([b"bad", encode(rgb(), "PNG")], IMAGE_SIZE)
    np.testing.assert_array_equal(valid, [False, True])
    np.testing.assert_array_equal(images[1], load_image(encode(rgb(), "PNG"), IMAGE_SIZE))
