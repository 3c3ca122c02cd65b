"""The TFDS builders of Aircraft and Cars, prepared from small archives."""

import pytest
import tensorflow_datasets as tfds

import fgmix.data.sources.tfds_builders  # noqa: F401  (registers the builders)
from fgmix.data.sources import aircraft, cars
from fgmix.data.sources.cars import FOLDERS, load_cars
from tests.archives import pack, sha256
from tests.data.sources.test_aircraft import write_aircraft
from tests.data.sources.test_cars import NAMES, TEST_FILE, write_cars


@pytest.mark.parametrize("level", aircraft.LEVELS)
def test_aircraft_is_prepared_from_the_archive(tmp_path, monkeypatch, level):
    source = write_aircraft(tmp_path / "fgvc-aircraft-2013b" / "data").parent
    data_dir = tmp_path / "tfds"
    checksum = pack(source, data_dir / "aircraft" / aircraft.ARCHIVE)
    monkeypatch.setattr(aircraft, "CHECKSUM", checksum)

    builder = tfds.builder(f"fgvc_aircraft/{level}", data_dir=data_dir)
    builder.download_and_prepare()
    sizes = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert sizes == {"train": 8, "validation": 4, "test": 8}
    names = aircraft.read_class_names(source / "data", level)
    assert tuple(builder.info.features["label"].names) == names
    trainval = aircraft.read_part(source / "data", level, "trainval", names)
    label_of = {
        (source / "data" / path).read_bytes(): label
        for path, label in zip(trainval.paths, trainval.labels.tolist(), strict=True)
    }
    raw = builder.as_dataset(
        split="train+validation", decoders={"image": tfds.decode.SkipDecoding()}
    )
    found = [(row["image"], int(row["label"])) for row in tfds.as_numpy(raw)]
    assert len(found) == 12
    assert all(label_of[content] == label for content, label in found)


def test_the_default_config_of_aircraft_is_the_variant(tmp_path):
    builder = tfds.builder("fgvc_aircraft", data_dir=tmp_path)
    assert builder.builder_config.name == "variant"
    assert set(builder.builder_configs) == set(aircraft.LEVELS)


def test_cars_are_prepared_from_the_archives(tmp_path, monkeypatch):
    source = write_cars(tmp_path / "source", test_file=TEST_FILE)
    folder = tmp_path / "tfds" / "cars"
    sums = {name: pack(source / inside, folder / name) for name, inside in FOLDERS.items()}
    (source / TEST_FILE).rename(folder / TEST_FILE)
    monkeypatch.setattr(cars, "CHECKSUMS", sums | {TEST_FILE: sha256(folder / TEST_FILE)})

    builder = tfds.builder("stanford_cars", data_dir=tmp_path / "tfds")
    builder.download_and_prepare()
    assert builder.info.features["label"].names == list(NAMES)
    data = load_cars(folder)
    for name, split in data.splits.items():
        found = list(tfds.as_numpy(builder.as_dataset(split=name)))
        assert sorted(int(row["label"]) for row in found) == sorted(split.labels.tolist())
        assert all(row["image"].shape == (10, 12, 3) for row in found)
    reloaded = tfds.builder("stanford_cars", data_dir=tmp_path / "tfds")
    assert reloaded.info.features["label"].names == list(NAMES)
