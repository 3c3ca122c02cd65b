"""A workflow on a small FGVC-Aircraft: class names with slashes, and the banner."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf

import fgmix
from fgmix.cli.evaluate import main
from fgmix.data.codec.decode import load_image
from fgmix.evaluation.metrics import summarize
from fgmix.runs.run import Run
from fgmix.workflows.evaluate_run import evaluate_run
from tests.data.sources.test_aircraft import PLANES, write_aircraft
from tests.trained_runs import small_config


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aircraft")
    write_aircraft(
        folder / "fgvc-aircraft-2013b" / "data", counts={"train": 3, "val": 3, "test": 2}
    )
    return folder


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Returns a finished run whose validation images are taken from trainval."""
    run_dir = tmp_path_factory.mktemp("runs") / "aircraft"
    settings = {"data_dir": str(data), "val_fraction": 0.2, "epochs": 1}
    fgmix.train(small_config("aircraft", run_dir, **settings))
    return Run.open(run_dir)


@pytest.mark.slow
def test_trainval_is_trained_on_but_for_the_validation_share(run):
    assert run.data["num_images"] == {"train": 20, "val": 4, "test": 8}


@pytest.mark.slow
def test_names_with_slashes_survive(run):
    names = sorted(PLANES)
    assert "F/A-18" in names
    assert (run.directory / "labels.txt").read_text().splitlines() == names
    assert run.class_names == tuple(names)
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert "F/A-18" in json.dumps(metrics)
    with (run.directory / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == set(names)
    assert {row["predicted"] for row in rows} <= set(names)


@pytest.mark.slow
def test_evaluation_finds_the_same_again_and_draws_heat_maps(run, capsys):
    found, *_ = evaluate_run(run)
    before = json.loads((run.directory / "metrics.json").read_text())
    assert found.metrics["top1"] == before["top1"]
    assert found.metrics["loss"] == pytest.approx(before["loss"], rel=1e-5)
    assert main(["--model", str(run.directory), "--heatmaps", "3"]) == 0
    assert (run.directory / "heatmaps.png").stat().st_size > 1000
    assert "mean per class" in capsys.readouterr().out


@pytest.mark.slow
def test_the_banner_is_cut_off_in_evaluation_and_serving(run, data):
    assert run.crop_bottom == 20
    photo = next((data / "fgvc-aircraft-2013b" / "data" / "images").glob("*.jpg")).read_bytes()
    cropped = load_image(photo, 32, 20)
    assert cropped.numpy().min() > 20  # the banner is black
    expected = run.load_model()(cropped[None], training=False)[0]
    served = tf.saved_model.load(str(run.directory / "1")).signatures["serving_default"](
        image_bytes=tf.constant([photo])
    )
    np.testing.assert_allclose(served["probabilities"][0], expected, atol=1e-6)
    assert {label.decode() for label in served["top_labels"][0].numpy()} == set(PLANES)


def test_the_official_metric_stands_beside_plain_accuracy():
    metrics = {"top1": 0.5, "top5": 1.0, "mean_per_class": 0.25, "loss": 1.0, "num_examples": 4}
    assert summarize(metrics).startswith("top-1 50.0%")
    assert "mean per class 25.0%" in summarize(metrics)


@pytest.mark.parametrize("level", ["family", "manufacturer"])
def test_a_level_gives_a_run_folder_of_one_name(level):
    config = fgmix.TrainConfig(dataset=f"aircraft/{level}").resolve()
    assert config.run_dir == f"saved_models/aircraft_{level}-vgg16-mixed-seed0"
