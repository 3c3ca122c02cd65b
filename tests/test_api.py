"""The Python API gives what the command line gives, as objects."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fgmix
from fgmix import api
from fgmix.files import read_csv
from tests.trained_runs import CLASSES, small_config

ROOT = Path(__file__).parents[1]
FUNCTIONS = ("check", "compare", "evaluate", "explain", "export", "open_run", "predict", "train")


@pytest.fixture(scope="module")
def run(finished):
    return fgmix.open_run(finished)


def refused(call, *args, **kwargs):
    with pytest.raises(fgmix.FgmixError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_typed_and_has_an_example(name):
    function = getattr(fgmix, name)
    assert name in fgmix.__all__
    assert "Example:\n    ```python\n" in inspect.getdoc(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


def test_importing_fgmix_and_naming_what_it_offers_loads_nothing_heavy():
    code = (
        "import sys\n"
        "import fgmix\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'scipy', 'PIL', 'matplotlib', 'numpy', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "assert set(fgmix.__all__) <= set(dir(fgmix))\n"
        "for name in set(fgmix.__all__) - {'layers'}:\n"
        "    getattr(fgmix, name)\n"
        "print(sorted((heavy - {'numpy'}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n[]\n", done.stderr


@pytest.mark.slow
def test_keras_loads_a_model_after_fgmix_was_imported(finished):
    code = (
        "import sys\n"
        "import fgmix\n"
        "import keras\n"
        "print(keras.saving.load_model(sys.argv[1]).output_shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, finished / "model.keras"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(None, 3)\n", done.stderr


def test_training_refuses_wrong_settings_before_anything_else(photos, tmp_path):
    assert refused(fgmix.train, dataset="demo", atention="none") == (
        "unknown setting atention: did you mean attention?"
    )
    assert refused(fgmix.train).startswith("--dataset is missing")
    assert refused(fgmix.train, dataset=str(photos), epochs=0) == "--epochs 0: must be at least 1"
    config = small_config(photos, tmp_path / "run")
    assert "--gate nowhere" in refused(fgmix.train, config, gate="nowhere")
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_trained_over(run):
    assert f"{run.directory} exists already" in refused(fgmix.train, run.config)


def test_settings_are_those_of_the_config_and_the_keywords(monkeypatch, photos, tmp_path):
    from fgmix.workflows import train_and_evaluate

    seen = []

    def train(config):
        seen.append(config)
        return train_and_evaluate.TrainResult(tmp_path / "run", {})

    monkeypatch.setattr(train_and_evaluate, "train", train)
    config = small_config(photos, tmp_path / "run")
    assert fgmix.train(config, seed=3).directory == tmp_path / "run"
    fgmix.train(dataset=str(photos), backbone="tiny", weights="none")
    assert seen[0].seed == 3
    assert seen[0].batch_size == config.batch_size
    assert seen[1] == fgmix.TrainConfig(dataset=str(photos), backbone="tiny", weights="none")


def test_a_run_prints_what_it_is_and_how_good(run, tmp_path):
    top1 = f"{100 * run.metrics['top1']:.1f}"
    line = f"<Run {run.directory}: mixed on tiny, 3 classes, top-1 {top1} % of 12 test images ("
    assert repr(run).startswith(line)
    page = run._repr_html_()
    assert f"<b>{run.directory}</b>" in page
    assert f"{top1} % of 12 test images" in page
    assert "24 train, 12 test" in page
    nothing = fgmix.Run(tmp_path / "<b>")
    assert repr(nothing) == f"<Run {tmp_path / '<b>'}>"
    assert "can&#39;t be read" in nothing._repr_html_()
    assert "/&lt;b&gt;" in nothing._repr_html_()


def test_predictions_are_those_of_the_evaluation(run, photos, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    *good, last = fgmix.predict(run, [photos / "test", str(bad)])
    assert last == fgmix.Prediction(str(bad), error="not a readable image (not an image)")
    rows = {str(photos / row["path"]): row for row in read_csv(run.directory / "predictions.csv")}
    assert {found.path for found in good} == rows.keys()
    for found in good:
        assert found.label == rows[found.path]["predicted"]
        assert found.probability == pytest.approx(float(rows[found.path]["probability"]), abs=2e-6)
        assert found.top[0] == (found.label, found.probability)
        assert {name for name, _ in found.top} == set(CLASSES)
        assert found.error is None


def test_what_can_not_be_predicted_is_told_by_the_call(run, photos):
    assert refused(fgmix.predict, run, "missing.jpg") == "no such file or folder: missing.jpg"
    assert "unknown tta 'flop'" in refused(fgmix.predict, run, photos, tta="flop")
    assert "is given twice" in refused(fgmix.predict, [run, run.directory], photos)
    assert refused(fgmix.predict, [], photos) == "no run is given: give one, or several"


def test_an_evaluation_gives_the_metrics_of_the_run_again(run):
    found = fgmix.evaluate(run)
    assert found.metrics == run.metrics
    assert found.probabilities.shape == (12, 3)
    assert repr(found).startswith(f"<Evaluation: top-1 {run.metrics['top1']:.1%} (")
    assert len(repr(found)) < 200
    assert "has no split 'tset'" in refused(fgmix.evaluate, run.directory, split="tset")


def test_an_explanation_holds_the_prediction_and_its_maps(run, photos):
    image = photos / "test" / "red" / "photo0.png"
    seen = fgmix.explain(run, image)
    [predicted] = fgmix.predict(run, image)
    assert seen.label == predicted.label
    assert seen.probability == pytest.approx(predicted.probability, abs=2e-6)
    assert seen.probabilities.sum() == pytest.approx(1)
    assert list(seen.maps) == ["before", "spatial", "energy", "gradcam"]
    for heat in seen.maps.values():
        assert heat.ndim == 2
        assert heat.dtype == np.float32
        assert 0 <= heat.min() <= heat.max() <= 1
    assert seen.over("energy").shape == seen.image.shape
    assert seen.over("energy").dtype == np.uint8
    page = seen._repr_html_()
    assert page.count("data:image/jpeg") == 5
    assert f"<b>{seen.label}</b>, {seen.probability:.0%}: photo0.png" in page
    assert refused(seen.over, "heat").startswith("there is no map 'heat': choose one of before,")
    assert "did you mean 'red'?" in refused(api.explain, run, image, class_name="rde")


def test_an_export_is_the_next_version(run, tmp_path):
    assert fgmix.export(run, tmp_path / "model", top_k=2) == tmp_path / "model" / "1"
    assert (tmp_path / "model" / "1" / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model_format": "onyx"}, "model_format 'onyx': choose one of savedmodel, onnx"),
        ({"top_k": 0}, "--top-k 0: must be at least 1"),
        ({"precision_target": 95}, "--precision-target 95: must be between 0 and 1"),
        (
            {"precision_target": 0.9, "coverage_target": 0.9},
            "a threshold has one target: give a precision or a coverage",
        ),
    ],
)
def test_a_wrong_export_is_refused(run, tmp_path, wrong, message):
    assert refused(fgmix.export, run, tmp_path / "model", **wrong).startswith(message)
    assert not (tmp_path / "model").exists()


def test_runs_are_compared(run):
    found = fgmix.compare(run.directory)
    assert found.contrasts == ()
    assert found.accuracies[0].mean == run.metrics["top1"]
    assert repr(found) == f"mixed: top-1 {100 * run.metrics['top1']:.1f} %, seeds 1"
    assert "give points" in refused(fgmix.compare, [run.directory], difference=100)
    assert "there is no run" in refused(fgmix.compare, "nowhere")


def test_a_data_set_is_checked_and_written_where_it_is_asked(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audit = fgmix.check(photos)
    assert audit.record["photos"]["train"] == {"files": 24, "readable": 24}
    assert repr(audit).startswith("photos: 3 classes, readable photos: 24 train, 12 test")
    assert list(tmp_path.iterdir()) == []
    again = fgmix.check(photos, output=tmp_path / "audit")
    assert json.loads((tmp_path / "audit" / "report.json").read_text()) == json.loads(
        json.dumps(audit.record)
    )
    assert again.findings == audit.findings
