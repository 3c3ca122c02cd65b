"""Stored features: computed once, shared, resumed, and never trusted when stale."""

import logging
import os
import shutil
from collections import namedtuple
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.codec.decode import load_image
from fgmix.data.dataset import ImageDataset, Split
from fgmix.errors import FgmixError
from fgmix.training.frozen import features
from fgmix.training.frozen import store as feature_store
from fgmix.training.frozen.features import hash_path, provide_features, view_image
from tests.pictures import write_noise

SIZE, COUNT = 16, 6


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Returns the folder of this test's features."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.fixture
def dataset(tmp_path):
    names = [f"{i}.png" for i in range(COUNT)]
    for i, name in enumerate(names):
        write_noise(tmp_path / "photos" / name, seed=i)
    labels = np.arange(COUNT, dtype=np.int32) % 2
    splits = {
        "train": Split(tuple(names[:4]), labels[:4]),
        "val": Split(tuple(names[4:]), labels[4:]),
    }
    return ImageDataset("photos", tmp_path / "photos", ("one", "two"), splits)


def backbone(seed=0):
    keras.utils.set_random_seed(seed)
    images = keras.Input((SIZE, SIZE, 3))
    return keras.Model(images, keras.layers.Conv2D(4, 4, strides=4)(images))


@pytest.fixture
def seen(monkeypatch):
    """Returns the images that a backbone was run on, by view."""
    seen = []
    compute = features.compute_maps

    def remember(backbone, dataset, paths, view, augmentation):
        seen.append((view, list(paths)))
        return compute(backbone, dataset, paths, view, augmentation)

    monkeypatch.setattr(features, "compute_maps", remember)
    return seen


def provide(dataset, model=None, *, views=1, val=1, **settings):
    settings = {"name": "small", "augmentation": "random_resized_crop"} | settings
    wanted = {"train": views} | ({"val": val} if val else {})
    return provide_features(model or backbone(), dataset, wanted=wanted, **settings)


def maps(found, split, view=0):
    stored, rows = found[split, view]
    return stored[rows]


def test_maps_with_levels_beside_them_are_stored_apart(dataset):
    alone = backbone()
    twice = keras.layers.Concatenate()([alone.output, alone.output])
    both = keras.Model(alone.input, twice)
    first, second = provide(dataset, alone), provide(dataset, both)
    np.testing.assert_array_equal(maps(second, "train")[..., :4], maps(first, "train"))
    np.testing.assert_array_equal(maps(provide(dataset, alone), "train"), maps(first, "train"))


@pytest.mark.slow
def test_the_first_view_is_what_evaluation_sees_and_the_second_its_mirror_image(dataset):
    model = backbone()
    found = provide(dataset, model, views=3)
    for path, *features_of_views in zip(
        dataset.splits["train"].paths,
        *(maps(found, "train", view) for view in range(3)),
        strict=True,
    ):
        image = load_image(tf.io.read_file(str(dataset.root / path)), SIZE)
        plain, mirrored = (np.asarray(model(x[None]))[0] for x in (image, image[:, ::-1]))
        np.testing.assert_allclose(features_of_views[0], plain, rtol=1e-3, atol=0.05)
        np.testing.assert_allclose(features_of_views[1], mirrored, rtol=1e-3, atol=0.05)
        assert np.abs(features_of_views[2] - plain).max() > 1
    assert maps(found, "val").shape == (2, 4, 4, 4)
    assert maps(found, "val").dtype == np.float16


def test_what_is_drawn_depends_on_path_and_view_alone():
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8))

    def view(path, number):
        return view_image(image, hash_path(path), number, SIZE, "random_resized_crop").numpy()

    np.testing.assert_array_equal(view("a.jpg", 2), view("a.jpg", 2))
    assert np.abs(view("a.jpg", 2) - view("b.jpg", 2)).max() > 1
    assert np.abs(view("a.jpg", 2) - view("a.jpg", 3)).max() > 1


@pytest.mark.slow
def test_features_are_computed_once_and_shared(dataset, seen):
    first = provide(dataset, views=2)
    assert [(view, len(paths)) for view, paths in seen] == [(0, 6), (1, 4)]
    seen.clear()
    again = provide(dataset, views=2)
    np.testing.assert_array_equal(maps(first, "train", 1), maps(again, "train", 1))
    # Another split of the same images, fewer views, another seed: nothing is computed.
    joined = Split(dataset.splits["val"].paths + dataset.splits["train"].paths[:3], np.zeros(5))
    other = replace(dataset, splits={"train": joined})
    np.testing.assert_array_equal(maps(provide(other, val=0), "train")[:2], maps(first, "val"))
    assert seen == []
    provide(other, views=2, val=0)
    assert seen == [(1, list(dataset.splits["val"].paths))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda d: (d, backbone(seed=1)),
        lambda d: (replace(d, crop_bottom=2), backbone()),
    ],
    ids=["weights", "crop"],
)
def test_other_weights_or_another_crop_have_features_of_their_own(dataset, seen, change):
    provide(dataset)
    before = dict(seen)
    seen.clear()
    changed, model = change(dataset)
    provide(changed, model)
    assert dict(seen) == before


@pytest.mark.slow
def test_a_image_that_changed_is_computed_again_and_no_other(dataset, seen):
    first = provide(dataset)
    kept = maps(first, "train").copy()
    write_noise(dataset.root / "1.png", seed=99)
    seen.clear()
    again = maps(provide(dataset), "train")
    assert seen == [(0, ["1.png"])]
    np.testing.assert_array_equal(again[[0, 2, 3]], kept[[0, 2, 3]])
    assert np.abs(again[1] - kept[1]).max() > 1


@pytest.mark.slow
def test_photos_that_swap_names_are_computed_again(dataset, seen):
    kept = maps(provide(dataset), "train").copy()
    for old, new in (("1.png", "x"), ("2.png", "1.png"), ("x", "2.png")):
        (dataset.root / old).rename(dataset.root / new)
    seen.clear()
    again = maps(provide(dataset), "train")
    assert seen == [(0, ["1.png", "2.png"])]
    np.testing.assert_array_equal(again, kept[[0, 2, 1, 3]])


def stored_files(data_folder):
    return [next(data_folder.rglob(pattern)) for pattern in ("plain.maps", "plain.csv")]


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[5] ^= 4
    file.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (lambda maps, index: flip_a_bit(maps), 1),
        (lambda maps, index: os.truncate(maps, maps.stat().st_size - 1), 1),
        (lambda maps, index: maps.unlink(), COUNT),
        (lambda maps, index: index.unlink(), COUNT),
        (lambda maps, index: index.write_text("path,row\nx\n"), COUNT),
    ],
    ids=["bit", "truncated", "no maps", "no index", "bad index"],
)
def test_what_is_damaged_is_computed_again(dataset, seen, data_folder, damage, lost):
    whole = maps(provide(dataset), "train").copy()
    damage(*stored_files(data_folder))
    seen.clear()
    np.testing.assert_array_equal(maps(provide(dataset), "train"), whole)
    assert [len(paths) for _, paths in seen] == [lost]


@pytest.mark.slow
def test_features_have_the_same_bits_however_the_work_was_cut(
    dataset, seen, data_folder, monkeypatch
):
    # In a batch of one image these convolutions round otherwise.
    keras.utils.set_random_seed(0)
    images = x = keras.Input((SIZE, SIZE, 3))
    for stride in (1, 2, 2):
        x = keras.layers.Conv2D(48, 3, stride, padding="same", activation="relu")(x)
    model = keras.Model(images, x)
    monkeypatch.setattr(features, "BATCH", 4)
    whole = maps(provide(dataset, model, val=0), "train").copy()
    shutil.rmtree(data_folder)
    paths = dataset.splits["train"].paths
    for count in (1, 3, 4):
        part = Split(paths[:count], np.zeros(count, np.int32))
        found = provide(replace(dataset, splits={"train": part}), model, val=0)
        np.testing.assert_array_equal(maps(found, "train"), whole[:count])
    assert [len(new) for _, new in seen] == [4, 1, 2, 1]


@pytest.mark.slow
def test_an_interrupted_computation_goes_on_where_it_was(dataset, seen, monkeypatch):
    compute = features.compute_maps

    def interrupted(*args):
        for count, pair in enumerate(compute(*args)):
            if count == 3:
                raise KeyboardInterrupt
            yield pair

    monkeypatch.setattr(features, "compute_maps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provide(dataset)
    monkeypatch.setattr(features, "compute_maps", compute)
    seen.clear()
    expected = np.asarray(
        backbone()(np.stack([load_image(tf.io.read_file(f), SIZE) for f in dataset.files("train")]))
    )
    np.testing.assert_allclose(maps(provide(dataset), "train"), expected, rtol=1e-3, atol=0.05)
    assert [len(paths) for _, paths in seen] == [COUNT - 3]


def test_too_little_room_is_told_before_anything_is_written(dataset, data_folder, monkeypatch):
    usage = namedtuple("usage", "total used free")(1000, 900, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(FgmixError, match="the features take"):
        provide(dataset)
    assert list(data_folder.rglob("*.maps")) == []


@pytest.mark.slow
def test_size_and_place_are_told_before(dataset, data_folder, caplog):
    with caplog.at_level(logging.INFO, "fgmix"):
        provide(dataset, views=2)
    assert "10 views" in caplog.text
    assert str(data_folder) in caplog.text


@pytest.mark.slow
def test_the_index_is_saved_every_now_and_then(dataset, monkeypatch, data_folder):
    monkeypatch.setattr(feature_store, "SAVE_EVERY", 2)
    lengths = []
    save = feature_store.FeatureStore.save

    def remember(self, rows, file):
        save(self, rows, file)
        lengths.append(len(rows))

    monkeypatch.setattr(feature_store.FeatureStore, "save", remember)
    provide(dataset)
    assert lengths == [2, 4, 6, 6]


@pytest.mark.slow
def test_a_image_that_is_replaced_while_it_is_read_is_read_again(dataset, seen, monkeypatch):
    photo = dataset.root / "1.png"
    compute = features.compute_maps

    def replace_then_compute(*arguments):
        for number, found in enumerate(compute(*arguments)):
            if number == 0:
                write_noise(photo, seed=99, size=(40, 24))
            yield found

    monkeypatch.setattr(features, "compute_maps", replace_then_compute)
    provide(dataset, val=0)
    monkeypatch.setattr(features, "compute_maps", compute)
    found = provide(dataset, val=0)
    monkeypatch.undo()
    content = tf.io.read_file(str(photo))
    expected = np.asarray(backbone()(load_image(content, SIZE, 0)[None], training=False))[0]
    np.testing.assert_allclose(maps(found, "train")[1], expected, rtol=2e-3, atol=0.1)


@pytest.mark.slow
def test_the_seed_of_a_backbones_dropout_makes_no_other_features(dataset, seen):
    weights = None
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        images = keras.Input((SIZE, SIZE, 3))
        x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(4, 4, strides=4)(images))
        model = keras.Model(images, x)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        provide(dataset, model, val=0)
    assert len(seen) == 1


@pytest.mark.slow
def test_a_map_beyond_float16_stays_finite(dataset):
    model = backbone()
    kernel, bias = model.get_weights()
    model.set_weights([kernel * 1e9, bias])
    assert np.isfinite(maps(provide(dataset, model), "train")).all()
