"""Runs on the resized cache: recorded, resumed exactly, evaluated on the originals."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import fgmix
from fgmix import FgmixError
from fgmix.runs.run import Run
from fgmix.workflows.evaluate_run import evaluate_run
from tests.kills import train_apart, weights
from tests.trained_runs import CLASSES, TEST, TRAIN, draw_photos, read_history, small_config


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Returns images that have nine times the pixels of the tests' usual ones."""
    root = draw_photos(tmp_path_factory.mktemp("large") / "photos", {"train": TRAIN, "test": TEST})
    for file in root.rglob("*.*"):
        with Image.open(file) as photo:
            bigger = photo.resize((3 * photo.width, 3 * photo.height))
        bigger.save(file)
    return root


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


def copies_in(folder):
    return sorted(folder.glob("fgmix/prepared/*/*.png"))


def prepared(run_dir):
    return json.loads((Path(run_dir) / "config.json").read_text())["data"]["prepared"]["photos"]


@pytest.mark.slow
def test_a_run_trains_on_copies_and_is_evaluated_on_images(large, data_folder, tmp_path):
    result = fgmix.train(small_config(large, tmp_path / "run", epochs=1))
    assert prepared(tmp_path / "run") == len(copies_in(data_folder)) == TRAIN * len(CLASSES)
    for copy in copies_in(data_folder):
        Image.new("RGB", (32, 32)).save(copy)
    for split, count in (("test", TEST), ("train", TRAIN)):
        found, *_ = evaluate_run(Run.open(tmp_path / "run"), split=split)
        assert found.metrics["num_examples"] == count * len(CLASSES)
        if split == "test":
            assert found.metrics == result.metrics
    after, *_ = evaluate_run(Run.open(tmp_path / "run"), split="train")
    shutil.rmtree(data_folder)
    assert after.metrics == evaluate_run(Run.open(tmp_path / "run"), split="train")[0].metrics


@pytest.mark.slow
def test_prepare_never_reads_the_images_and_writes_no_copies(large, data_folder, tmp_path):
    config = small_config(large, tmp_path / "run", epochs=1, prepare="never")
    fgmix.train(config)
    assert prepared(tmp_path / "run") == 0
    assert not data_folder.exists()
    (tmp_path / "run" / "metrics.json").unlink()  # as if it had not finished
    with pytest.raises(FgmixError, match="--prepare was never"):
        fgmix.train(replace(config, prepare="auto", resume=True))


def test_a_bad_image_is_named_although_the_others_are_prepared(large, data_folder, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(large, photos)
    bad = photos / "train" / CLASSES[0] / "photo0.png"
    bad.write_bytes(bad.read_bytes()[:2000])
    with pytest.raises(FgmixError, match=r"not a readable image: .*photo0\.png"):
        fgmix.train(small_config(photos, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bits_even_if_the_copies_are_made_again(
    large, data_folder, tmp_path
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    config = small_config(large, whole, val_fraction=0.25, checkpoint_every=1)
    assert train_apart(config) == 0
    config = replace(config, run_dir=str(killed))
    assert train_apart(config, "step@4") == -signal.SIGKILL
    shutil.rmtree(data_folder)
    assert train_apart(replace(config, resume=True)) == 0
    assert prepared(whole) == prepared(killed) == 18  # of 24; a quarter is for validation
    assert len(copies_in(data_folder)) == 18
    for one, other in zip(weights(whole), weights(killed), strict=True):
        assert one.tobytes() == other.tobytes()
    assert [r["loss"] for r in read_history(whole)] == [r["loss"] for r in read_history(killed)]
    assert (whole / "metrics.json").read_text() == (killed / "metrics.json").read_text()
