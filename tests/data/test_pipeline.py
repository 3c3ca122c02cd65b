"""Training and evaluation batches: repeatable, resumable, and each image with its label."""

from functools import cache
from itertools import chain, pairwise

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import load_image
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.pipeline import (
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from tests.pictures import write_noise, write_plain

SIZE = 16
CLASSES = ("red", "green", "blue")
VARIED = [name for name in AUGMENTATIONS if name != "none"]


def coloured(root, count, size=(12, 10)):
    """`count` images of one colour: red is 10 times the index, green 50 times the label."""
    paths, labels = [], []
    for i in range(count):
        labels.append(i % 3)
        paths.append(write_plain(root / f"{i}.png", (10 * i, 50 * labels[-1], 7), size).name)
    split = Split(tuple(paths), np.array(labels, np.int32))
    return ImageDataset("coloured", root, CLASSES, {"train": split, "test": split})


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Twelve images in which any shift, flip or crop is visible."""
    root = tmp_path_factory.mktemp("noisy")
    paths = tuple(write_noise(root / f"{i}.png", seed=i).name for i in range(12))
    split = Split(paths, np.arange(12, dtype=np.int32) % 3)
    return ImageDataset("noisy", root, CLASSES, {"train": split})


@pytest.fixture(scope="module")
def whole(noisy):
    """Maps an augmentation to the eight batches of four epochs of these images, read once."""
    return cache(lambda augmentation: batches(noisy, augmentation, epochs=4))


def batches(dataset, augmentation="none", batch_size=5, seed=0, epochs=3, first_step=0):
    """The training batches as pairs of arrays."""
    made = training_batches(
        dataset,
        image_size=SIZE,
        batch_size=batch_size,
        augmentation=augmentation,
        seed=seed,
        epochs=epochs,
        first_step=first_step,
    )
    return list(made.as_numpy_iterator())


def indices(images):
    """The indices of these images among the `coloured` ones."""
    return np.rint(images.max(axis=(1, 2))[:, 0] / 10).astype(int).tolist()


def epochs_of(made, steps):
    """The indices of `coloured` images, one list per epoch."""
    seen = [indices(images) for images, _ in made]
    return [list(chain(*seen[i : i + steps])) for i in range(0, len(seen), steps)]


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(x, y) for pair in zip(a, b, strict=True) for x, y in zip(*pair, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_batches_made_twice_are_identical(noisy, whole, augmentation):
    assert same(whole(augmentation), batches(noisy, augmentation, epochs=4))


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_autograph_converts_nothing(noisy, augmentation, monkeypatch):
    from tensorflow.python.autograph.impl import api

    converted = []
    monkeypatch.setattr(api, "_convert_actual", lambda entity, _: converted.append(entity))
    assert len(batches(noisy, augmentation, epochs=1)) == 2
    assert list(evaluation_batches(noisy, "train", image_size=SIZE, batch_size=5))
    assert converted == []


# Of the pipeline it is enough to try one augmentation: that each is a function of the image and a
# seed is tested below.
@pytest.mark.slow
@pytest.mark.parametrize("first_step", [1, 2, 3, 6, 8])
def test_a_later_first_step_gives_the_tail_of_the_whole_run(noisy, whole, first_step):
    assert len(whole("pad_crop")) == 8
    tail = batches(noisy, "pad_crop", epochs=4, first_step=first_step)
    assert same(whole("pad_crop")[first_step:], tail)


@pytest.mark.slow
def test_a_longer_run_begins_with_the_shorter(noisy, whole):
    assert same(batches(noisy, "pad_crop", epochs=1), whole("pad_crop")[:2])


@pytest.mark.slow
def test_the_seed_decides_the_order(tmp_path):
    data = coloured(tmp_path, 12)
    first, second = (epochs_of(batches(data, seed=seed), steps=2) for seed in (0, 1))
    assert all(a != b for a, b in zip(first, second, strict=True))


@pytest.mark.slow
def test_every_epoch_has_an_order_of_its_own(tmp_path):
    orders = epochs_of(batches(coloured(tmp_path, 12), batch_size=12, epochs=5), steps=1)
    assert len({tuple(order) for order in orders}) == 5
    assert sorted(orders[0]) == list(range(12))


@pytest.mark.slow
def test_the_augmentation_of_an_image_changes_with_epoch_and_seed(tmp_path):
    root = tmp_path
    one = Split((write_noise(root / "0.png").name,), np.array([0], np.int32))
    data = ImageDataset("one", root, CLASSES, {"train": one})
    versions = [
        images[0]
        for seed in (0, 1)
        for images, _ in batches(data, "random_resized_crop", seed=seed)
    ]
    assert len(versions) == 6
    assert len({version.tobytes() for version in versions}) == 6


@pytest.mark.slow
def test_the_augmentation_of_an_image_does_not_depend_on_its_place_in_the_batch(noisy, whole):
    images = [
        {image.tobytes() for batch, _ in made for image in batch}
        for made in (batches(noisy, "pad_crop", batch_size=12), whole("pad_crop")[:6])
    ]
    assert len(images[0]) == 36
    assert images[1] < images[0]  # of twelve, batches of five leave out two


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "batch_size", "steps", "used"), [(12, 4, 3, 12), (11, 4, 2, 8), (3, 8, 1, 3)]
)
def test_an_epoch_takes_no_image_twice(tmp_path, count, batch_size, steps, used):
    made = batches(coloured(tmp_path, count), batch_size=batch_size, epochs=6)
    assert steps_per_epoch(count, batch_size) == steps
    assert len(made) == 6 * steps
    for epoch in epochs_of(made, steps):
        assert len(set(epoch)) == len(epoch) == used
        assert set(epoch) <= set(range(count))


@pytest.mark.slow
def test_every_epoch_leaves_out_others(tmp_path):
    epochs = epochs_of(batches(coloured(tmp_path, 11), batch_size=4, epochs=8), steps=2)
    left_out = [frozenset(range(11)) - set(epoch) for epoch in epochs]
    assert all(a != b for a, b in pairwise(left_out))
    assert set().union(*epochs) == set(range(11))


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", ["none", "pad_crop", "random_resized_crop"])
def test_labels_belong_to_their_images(tmp_path, augmentation):
    made = batches(coloured(tmp_path, 10, size=(40, 30)), augmentation)
    for images, labels in made:
        assert images.dtype == labels.dtype == np.float32
        assert images.shape == (5, SIZE, SIZE, 3)
        expected = np.rint(images.max(axis=(1, 2))[:, 1] / 50).astype(int)
        np.testing.assert_array_equal(labels, np.eye(3, dtype="float32")[expected])


@pytest.mark.slow
def test_without_augmentation_an_image_is_only_resized(noisy):
    resized = [load_image(tf.io.read_file(file), SIZE).numpy() for file in noisy.files("train")]
    images = np.concatenate([images for images, _ in batches(noisy, batch_size=4, epochs=1)])
    assert {image.tobytes() for image in images} == {image.tobytes() for image in resized}


def augmented(name, image, count):
    """The augmentation of one image under `count` seeds."""
    augment = AUGMENTATIONS[name].apply
    image = tf.constant(image)
    seeds = tf.data.Dataset.range(count).map(
        lambda i: augment(image, tf.shape(image)[:2], SIZE, tf.stack([i, i * 0 + 3]))
    )
    return np.stack(list(seeds.as_numpy_iterator()))


def test_pad_crop_shifts_by_up_to_four_pixels_into_black_and_flips_one_in_two():
    image = np.random.default_rng(0).integers(1, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    padded = np.pad(image.astype("float32"), [(4, 4), (4, 4), (0, 0)])
    crops = {}
    for top in range(9):
        for left in range(9):
            crop = padded[top : top + SIZE, left : left + SIZE]
            crops[crop.tobytes()] = (top, left, False)
            crops[np.ascontiguousarray(crop[:, ::-1]).tobytes()] = (top, left, True)
    assert len(crops) == 9 * 9 * 2

    found = np.array([crops[out.tobytes()] for out in augmented("pad_crop", image, 600)])
    tops, lefts, flips = found.T
    assert set(tops) == set(lefts) == set(range(9))
    assert 0.43 < flips.mean() < 0.57
    for offsets in (tops, lefts):  # the flip is drawn apart from the crop
        shares = [flips[offsets == offset].mean() for offset in range(9)]
        assert 0.2 < min(shares) < max(shares) < 0.8
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.15


def test_pad_crop_resizes_before_it_pads():
    # Of the 50 x 80 pixels, black ones would be a pixel wide at most, and none pure.
    for out in augmented("pad_crop", np.full((50, 80, 3), 200, np.uint8), 20):
        black, grey = (np.isclose(out, level, atol=0.01) for level in (0, 200))
        assert (black | grey).all()
        assert grey.sum() >= (SIZE - 4) ** 2 * 3


def test_random_resized_crop_stays_within_its_range():
    # Red grows by one a column and green by one a row, so the colours tell the box that was cut:
    # two inner pixels that are n apart differ by n / SIZE of the box's side.
    side, inner = 256, slice(2, SIZE - 2)
    row, column = np.mgrid[:side, :side]
    image = np.stack([column, row, np.zeros_like(row)], axis=-1).astype(np.uint8)
    out = augmented("random_resized_crop", image, 300)
    assert out.shape == (300, SIZE, SIZE, 3)
    assert out.min() >= 0
    assert out.max() <= 255

    red, green = out[:, inner, inner, 0], out[:, inner, inner, 1]
    distance = (SIZE - 5) / SIZE
    widths = (red[:, 0, -1] - red[:, 0, 0]) / distance
    heights = (green[:, -1, 0] - green[:, 0, 0]) / distance
    flipped = widths < 0
    areas, aspects = np.abs(widths) * heights / side**2, np.abs(widths) / heights
    assert 0.34 < areas.min() < 0.45
    assert 0.90 < areas.max() < 1.01
    assert 0.74 < aspects.min() < 0.85
    assert 1.2 < aspects.max() < 1.35
    assert 0.4 < flipped.mean() < 0.6


@pytest.mark.parametrize("name", VARIED)
def test_augmentations_are_functions_of_image_and_seed(name):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    once, twice = augmented(name, image, 20), augmented(name, image, 20)
    np.testing.assert_array_equal(once, twice)
    assert len({out.tobytes() for out in once}) > 10


@pytest.mark.slow
def test_colours_are_changed_after_the_same_crops_and_flips():
    image = np.random.default_rng(0).integers(60, 190, (30, 40, 3)).astype(np.uint8)
    plain, changed = (augmented(name, image, 40) for name in ("random_resized_crop", "trivial"))
    correlations = [
        np.corrcoef(a.mean(axis=-1).ravel(), b.mean(axis=-1).ravel())[0, 1]
        for a, b in zip(plain, changed, strict=True)
    ]
    # Solarizing inverts it; shifted or rotated noise does not resemble the original.
    assert np.mean(np.abs(correlations) > 0.6) > 0.4
    assert np.mean([np.any(a != b) for a, b in zip(plain, changed, strict=True)]) > 0.8
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_evaluation_keeps_order_and_the_ragged_last_batch(tmp_path):
    made = list(
        evaluation_batches(
            coloured(tmp_path, 7), "test", image_size=SIZE, batch_size=3
        ).as_numpy_iterator()
    )
    assert [indices(images) for images, _ in made] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [labels.argmax(axis=-1).tolist() for _, labels in made] == [[0, 1, 2]] * 2 + [[0]]
    assert made[2][1].dtype == np.float32
    assert made[2][1].shape == (1, 3)


def test_evaluation_reads_images_as_load_image_does(noisy):
    made = evaluation_batches(noisy, "train", image_size=SIZE, batch_size=5)
    images = np.concatenate([images for images, _ in made.as_numpy_iterator()])
    for image, file in zip(images, noisy.files("train"), strict=True):
        np.testing.assert_array_equal(image, load_image(tf.io.read_file(file), SIZE))


@pytest.mark.slow
def test_the_bottom_rows_are_cropped_in_training_and_evaluation(tmp_path):
    pixels = np.full((30, 40, 3), 255, np.uint8)
    pixels[-4:] = (255, 0, 0)  # a red banner
    Image.fromarray(pixels).save(tmp_path / "0.png")
    split = Split(("0.png",), np.array([0], np.int32))
    for crop_bottom, lowest in ((4, 255.0), (0, 0.0)):
        data = ImageDataset("banner", tmp_path, CLASSES, {"train": split}, crop_bottom)
        evaluated = evaluation_batches(data, "train", image_size=SIZE, batch_size=1)
        for made in (batches(data, epochs=1), list(evaluated.as_numpy_iterator())):
            assert made[0][0].min() == pytest.approx(lowest, abs=0.01)
