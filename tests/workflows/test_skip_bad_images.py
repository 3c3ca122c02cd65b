"""`--skip-bad-images`: skipped images are recorded, and left out of evaluation and resume."""

import json
import logging
import shutil
from dataclasses import replace

import pytest

import fgmix
from fgmix import FgmixError
from fgmix.runs.images import load_splits, load_splits_of_run
from fgmix.runs.run import Run
from fgmix.training.distributed.distribution import ONE_DEVICE
from fgmix.training.run_images import find_unreadable
from fgmix.workflows import train_and_evaluate as experiment
from fgmix.workflows.evaluate_run import evaluate_run
from tests.trained_runs import draw_photos, small_config

BAD = ["green/photo3.jpg", "red/photo0.png"]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Returns images without split folders, two of them damaged, and a run that skipped these."""
    root = tmp_path_factory.mktemp("damaged")
    draw_photos(root / "photos", {"": 10})
    for path in BAD:
        (root / "photos" / path).write_bytes(b"")
    config = small_config(root / "photos", root / "run", epochs=1, skip_bad_images=True)
    fgmix.train(config)
    return config


@pytest.fixture
def moved(damaged, tmp_path):
    """Returns copies of images and run that a test may change."""
    shutil.copytree(damaged.dataset, tmp_path / "photos")
    shutil.copytree(damaged.run_dir, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    record["config"]["dataset"] = str(tmp_path / "photos")
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    return tmp_path / "photos", tmp_path / "run"


@pytest.mark.slow
def test_without_the_flag_bad_files_are_named_with_the_way_out(damaged, tmp_path):
    config = replace(damaged, run_dir=str(tmp_path / "run"), skip_bad_images=False)
    with pytest.raises(FgmixError, match=r"and 1 more: .*--skip-bad-images"):
        fgmix.train(config)
    assert not (tmp_path / "run").exists()


def test_the_run_names_what_it_skipped(damaged):
    data = Run.open(damaged.run_dir).data
    assert data["skipped"] == BAD
    assert sum(data["num_images"].values()) == 3 * 10 - 2


def test_how_many_were_skipped_is_said(damaged, caplog):
    with caplog.at_level(logging.INFO, "fgmix"):
        assert find_unreadable(damaged.resolve(), ONE_DEVICE) == BAD
    assert "skipped 2 photo(s)" in caplog.text
    assert "zero bytes" in caplog.text


@pytest.mark.parametrize("changes", [{}, {"folds": 3, "fold": 1}, {"shots": 4}])
def test_splits_are_drawn_from_the_photos_that_can_be_read(damaged, tmp_path, changes):
    good = clean(tmp_path)
    for path in BAD:
        (good / path).unlink()
    config = replace(damaged, **changes)
    for seed in range(4):
        config = replace(config, split_seed=seed)
        expected = load_splits(replace(config, dataset=str(good)).resolve())
        found = load_splits(config.resolve(), BAD)
        assert found.skipped == tuple(BAD)
        assert found.splits.keys() == expected.splits.keys()
        for name, split in expected.splits.items():
            assert found.splits[name].paths == split.paths


def test_a_run_that_drew_its_splits_before_skipping_keeps_them(damaged):
    for seed in range(10):
        config = replace(damaged, split_seed=seed).resolve()
        earlier = load_splits(config).without(BAD)
        data = {"skipped": BAD, "fingerprint": earlier.fingerprint_of_sizes()}
        found = load_splits_of_run(config, data)
        assert {k: v.paths for k, v in found.splits.items()} == {
            k: v.paths for k, v in earlier.splits.items()
        }


@pytest.mark.slow
def test_evaluation_takes_the_same_images(damaged):
    run = Run.open(damaged.run_dir)
    found, photos, *_ = evaluate_run(run)
    assert found.metrics == json.loads((run.directory / "metrics.json").read_text())
    assert photos.skipped == tuple(BAD)
    everything, *_ = evaluate_run(run, split="all")
    assert everything.metrics["num_examples"] == 28


@pytest.mark.slow
def test_a_image_mended_since_does_not_come_back(moved):
    photos, run = moved
    shutil.copy(photos / "red" / "photo2.png", photos / "red" / "photo0.png")
    found, *_ = evaluate_run(Run.open(run))
    assert found.metrics == json.loads((run / "metrics.json").read_text())


def test_a_image_damaged_since_is_refused(moved):
    photos, run = moved
    (photos / "blue" / "photo1.jpg").write_bytes(b"")
    with pytest.raises(FgmixError, match="have changed since"):
        evaluate_run(Run.open(run))


@pytest.mark.slow
def test_a_stopped_run_goes_on_without_the_same_images(damaged, tmp_path, monkeypatch):
    config = replace(damaged, run_dir=str(tmp_path / "run"))

    def kill(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(experiment, "evaluate", kill)
        fgmix.train(config)
    with pytest.raises(FgmixError, match="--skip-bad-images was True"):
        fgmix.train(
            replace(config, resume=True, skip_bad_images=False, dataset=str(clean(tmp_path)))
        )
    fgmix.train(replace(config, resume=True))
    assert Run.open(config.run_dir).data["skipped"] == BAD


def clean(folder):
    return draw_photos(folder / "clean", {"": 10})


def test_a_class_without_a_readable_image_is_refused(tmp_path):
    photos = draw_photos(tmp_path / "photos", {"train": 2, "test": 1})
    (photos / "test" / "green" / "photo0.png").write_bytes(b"")
    config = small_config(photos, tmp_path / "run", skip_bad_images=True)
    with pytest.raises(FgmixError, match="'green' has no readable photo in test"):
        fgmix.train(config)
    assert not (tmp_path / "run").exists()


def test_without_bad_images_nothing_is_recorded_as_skipped(finished):
    assert Run.open(finished).data["skipped"] == []
