"""Shards: together the processes read every image once, in order."""

import numpy as np
import pytest

from fgmix.data.pipeline import evaluation_batches, training_batches
from fgmix.data.shard import WHOLE, Shard, measured_order
from fgmix.data.sources.folder import load_folder

SIZES = {"image_size": 16, "batch_size": 8}


def test_a_single_process_reads_everything():
    assert WHOLE.size(8) == 8
    assert WHOLE.slice(8) == slice(0, 8)
    assert measured_order(5, 4).tolist() == [0, 1, 2, 3, 4]


def test_an_unfilled_order_by_hand():
    # Batches of 4: 0 1 2 3, 4 and three times the last image. The second process has half of each.
    assert measured_order(5, 4, Shard(0, 2), filled=True).tolist() == [0, 1, 4, 4]
    assert measured_order(5, 4, Shard(1, 2), filled=True).tolist() == [2, 3, 4, 4]


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("num_images", [1, 8, 13, 16])
def test_the_shards_put_together_are_all_images_in_order(num_images, count):
    parts = [measured_order(num_images, 8, Shard(i, count), filled=True) for i in range(count)]
    batches = np.concatenate([part.reshape(-1, 8 // count) for part in parts], axis=1)
    order = batches.ravel()
    assert order[:num_images].tolist() == list(range(num_images))
    assert set(order[num_images:].tolist()) <= {num_images - 1}
    assert len(order) == -(-num_images // 8) * 8


@pytest.mark.slow
@pytest.mark.parametrize("first_step", [0, 4])
def test_training_shards_put_together_are_the_whole_batches(photos, first_step):
    settings = SIZES | {
        "augmentation": "random_resized_crop",
        "seed": 3,
        "epochs": 2,
        "first_step": first_step,
    }
    dataset = load_folder(photos)
    whole = list(training_batches(dataset, **settings).as_numpy_iterator())
    assert len(whole) == 6 - first_step
    halves = [
        list(training_batches(dataset, shard=Shard(i, 2), **settings).as_numpy_iterator())
        for i in (0, 1)
    ]
    for (images, labels), *parts in zip(whole, *halves, strict=True):
        np.testing.assert_array_equal(images, np.concatenate([part[0] for part in parts]))
        np.testing.assert_array_equal(labels, np.concatenate([part[1] for part in parts]))


@pytest.mark.slow
def test_filled_batches_are_full_and_begin_with_the_images(photos):
    dataset = load_folder(photos)
    plain = list(evaluation_batches(dataset, "test", **SIZES).as_numpy_iterator())
    filled = evaluation_batches(dataset, "test", **SIZES, filled=True).as_numpy_iterator()
    images, labels = (np.concatenate(parts) for parts in zip(*plain, strict=True))
    filled_images, filled_labels = (np.concatenate(parts) for parts in zip(*filled, strict=True))
    assert len(images) == 12
    assert len(filled_images) == 16
    np.testing.assert_array_equal(filled_images[:12], images)
    np.testing.assert_array_equal(filled_labels[:12], labels)
    np.testing.assert_array_equal(filled_images[12:], np.repeat(images[-1:], 4, axis=0))
