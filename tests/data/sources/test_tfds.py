"""Data sets of TFDS by name, with small builders made here."""

import io
import logging
import re
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.registered import skip_registration

from fgmix.data.sources.registry import load_dataset
from fgmix.data.sources.tfds import is_tfds_name, load_tfds
from fgmix.errors import FgmixError

CLASSES = ["zebra finch", "F/A-18", "été"]
FORMATS = ["JPEG", "PNG", "GIF", "BMP", "WEBP"]
BIRDS = {  # config -> images of a class in each split
    "all": {"train": 4, "validation": 1, "test": 2, "extra": 1},
    "trainval": {"train": 4, "validation": 2},
    "trainonly": {"train": 10},
    "testonly": {"test": 2},
}


def encoded(number):
    """A picture in one of the formats, as bytes."""
    pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, FORMATS[number % len(FORMATS)])
    return content.getvalue()


class FgmixTestBirds(tfds.core.GeneratorBasedBuilder):
    """A data set whose configs differ in their splits."""

    VERSION = tfds.core.Version("1.2.3")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in BIRDS]  # noqa: RUF012

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "file_name": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), homepage="https://example.org/birds"
        )

    def _split_generators(self, dl_manager):
        counts = BIRDS[self.builder_config.name]
        return {name: self._generate_examples(count) for name, count in counts.items()}

    def _generate_examples(self, count):
        for number in range(count * len(CLASSES)):
            example = {"image": io.BytesIO(encoded(number)), "file_name": str(number)}
            yield number, example | {"label": number % len(CLASSES)}


class FgmixTestSecret(tfds.core.GeneratorBasedBuilder):
    """A challenge, whose test labels are kept secret."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(num_classes=2),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples([0, 1, 0, 1]),
            "validation": self._generate_examples([1, 0]),
            "test": self._generate_examples([-1, -1]),
        }

    def _generate_examples(self, labels):
        for number, label in enumerate(labels):
            yield number, {"image": np.zeros((4, 4, 3), np.uint8), "label": label}


class FgmixTestText(FgmixTestSecret):
    """No images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))


class FgmixTestDepth(FgmixTestSecret):
    """Images of floats."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 1), dtype=np.float32),
            "label": tfds.features.ClassLabel(num_classes=2),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))


class FgmixTestManual(FgmixTestSecret):
    """A data set that can't be downloaded."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors\nfor photos.zip."

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(dl_manager.manual_dir)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def refusal(name, data_dir):
    with pytest.raises(FgmixError) as caught:
        load_tfds(name, data_dir)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def test_images_are_written_as_they_were_in_the_order_of_the_classes(data_dir):
    data = load_dataset("fgmix_test_birds/all", str(data_dir))
    assert data.name == "fgmix_test_birds/all"
    assert data.root == data_dir / "fgmix" / "fgmix_test_birds" / "all" / "1.2.3"
    assert data.class_names == tuple(CLASSES)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 12,
        "val": 3,
        "test": 6,
    }
    # TFDS shuffles what it prepares; content and label stay together.
    label_of = {encoded(number): number % 3 for number in range(12)}
    for split in data.splits.values():
        contents = [(data.root / path).read_bytes() for path in split.paths]
        assert [label_of[content] for content in contents] == split.labels.tolist()
        assert set(contents) == {encoded(number) for number in range(len(split))}


def test_files_have_the_suffix_of_their_format(data_dir):
    data = load_tfds("fgmix_test_birds/all", data_dir)
    suffixes = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "BMP": ".bmp", "WEBP": ".webp"}
    for file in data.files("train"):
        with Image.open(file) as image:
            assert file.endswith(suffixes[image.format])


def test_files_are_written_once_and_read_without_the_prepared_set(data_dir, monkeypatch):
    before = load_tfds("fgmix_test_birds/all", data_dir)
    photo = before.root / before.splits["train"].paths[0]
    written = photo.stat().st_mtime_ns

    def fail(*args, **kwargs):
        raise AssertionError("prepared again")

    monkeypatch.setattr(FgmixTestBirds, "download_and_prepare", fail)
    assert load_tfds("fgmix_test_birds/all", data_dir).fingerprint() == before.fingerprint()
    assert photo.stat().st_mtime_ns == written


def prepare_otherwise(data_dir):
    """Prepares the set anew under the same version, with the classes of two images swapped."""
    records = data_dir / "fgmix_test_birds" / "trainonly" / "1.2.3"
    shutil.rmtree(records)

    with skip_registration():  # it has the other's name

        class Other(FgmixTestBirds):
            name = "fgmix_test_birds"

            def _generate_examples(self, count):
                examples = list(FgmixTestBirds._generate_examples(self, count))
                (_, one), (_, two) = examples[:2]
                one["label"], two["label"] = two["label"], one["label"]
                yield from examples

    Other(config="trainonly", data_dir=data_dir).download_and_prepare()
    return records


def test_files_are_written_again_if_the_records_are_others(tmp_path, caplog):
    before = load_tfds("fgmix_test_birds/trainonly", tmp_path)
    old = {p.read_bytes(): p.parent.name for p in before.root.rglob("train/*/*") if p.is_file()}
    records = prepare_otherwise(tmp_path)
    with caplog.at_level(logging.INFO, "fgmix"):
        load_tfds("fgmix_test_birds/trainonly", tmp_path)
    assert f"was not made of the records in {records}" in caplog.text
    new = {p.read_bytes(): p.parent.name for p in before.root.rglob("train/*/*") if p.is_file()}
    assert new.keys() == old.keys()
    moved = {
        content: (old[content], new[content]) for content in old if old[content] != new[content]
    }
    assert moved == {encoded(0): ("0", "1"), encoded(1): ("1", "0")}


def test_files_are_used_where_the_records_are_gone(tmp_path):
    before = load_tfds("fgmix_test_birds/trainonly", tmp_path)
    index = (before.root / "index.json").stat().st_mtime_ns
    for file in (tmp_path / "fgmix_test_birds").rglob("*.tfrecord*"):
        file.unlink()
    for file in (tmp_path / "fgmix_test_birds").rglob("*.txt"):
        file.unlink()
    again = load_tfds("fgmix_test_birds/trainonly", tmp_path)
    assert again.fingerprint() == before.fingerprint()
    assert (before.root / "index.json").stat().st_mtime_ns == index


def test_without_a_config_or_with_a_version_the_name_is_known_too(data_dir):
    assert load_tfds("fgmix_test_birds", data_dir).root.parent.name == "all"
    assert load_tfds("fgmix_test_birds/all:1.2.3", data_dir).root.name == "1.2.3"


def test_validation_is_the_test_split_where_there_is_no_other(data_dir):
    data = load_tfds("fgmix_test_birds/trainval", data_dir)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 12, "test": 6}


def test_a_set_with_train_alone_is_divided_by_the_split_seed(data_dir):
    found = [load_tfds("fgmix_test_birds/trainonly", data_dir, seed) for seed in (1, 1, 2)]
    tests = [data.splits["test"].paths for data in found]
    assert tests[0] == tests[1] != tests[2]
    for data in found:
        assert np.bincount(data.splits["test"].labels).tolist() == [2, 2, 2]
        assert np.bincount(data.splits["train"].labels).tolist() == [8, 8, 8]
        assert not set(data.splits["train"].paths) & set(data.splits["test"].paths)


def test_a_set_without_training_images_is_refused(data_dir):
    assert "no training images" in refusal("fgmix_test_birds/testonly", data_dir)


def test_a_split_without_labels_is_left_out(data_dir):
    data = load_tfds("fgmix_test_secret", data_dir)
    assert data.class_names == ("0", "1")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "test": 2}


def test_an_interrupted_preparation_leaves_nothing_that_looks_finished(tmp_path, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgmix.data.sources.tfds.json.dumps", stop)
    with pytest.raises(KeyboardInterrupt):
        load_tfds("fgmix_test_secret", tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "fgmix" / "fgmix_test_secret" / "1.0.0").exists()
    assert len(load_tfds("fgmix_test_secret", tmp_path).splits["train"]) == 4


@pytest.mark.parametrize("name", ["fgmix_test_text", "fgmix_test_depth"])
def test_a_set_for_another_task_is_refused_before_anything_is_prepared(name, tmp_path):
    message = refusal(name, tmp_path)
    assert "not for image classification" in message
    assert "label" in message
    assert not list(tmp_path.iterdir())


def test_a_manual_download_is_explained_in_one_line(tmp_path):
    assert "Ask the authors for photos.zip." in refusal("fgmix_test_manual", tmp_path)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("oxford_flower102", "oxford_flowers102"),
        ("stanford_dog", "stanford_dogs"),
        ("aircraft/famly", "aircraft/family"),
        ("cars196", "cars"),
        ("fgvc_aircraft/family", "aircraft"),
    ],
)
def test_an_unknown_name_suggests_similar_ones(name, near, tmp_path):
    with pytest.raises(FgmixError) as caught:
        load_dataset(name, str(tmp_path))
    assert re.search(rf"\b{near}\b", str(caught.value).replace(repr(name), ""))


def test_an_unknown_config_is_reported_in_one_line(tmp_path):
    assert "nothing" in refusal("fgmix_test_birds/nothing", tmp_path)


@pytest.mark.parametrize(
    "name", ["oxford_flowers102", "stanford_dogs", "caltech_birds2011", "oxford_iiit_pet"]
)
def test_known_sets_are_for_image_classification(name, tmp_path):
    from fgmix.data.sources.tfds import _refuse_other_tasks

    _refuse_other_tasks(name, tfds.builder(name, data_dir=tmp_path).info.features)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("cifar10", True),
        ("cifar10_corrupted/fog_1", True),
        ("cifar10:3.0.2", True),
        ("a/b:1.0.0", True),
        ("./photos", False),
        ("/data/photos", False),
        ("photos/birds/new", False),
        ("My photos", False),
        ("huggingface:mnist", False),
    ],
)
def test_the_form_of_a_name(name, known):
    assert is_tfds_name(name) == known
