"""`fgmix export`: versions, model cards, abstention, and one line for bad input."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import fgmix
from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.models import build_classifier
from fgmix.models.cost import cost
from fgmix.runs.ensemble import Ensemble
from fgmix.runs.run import Run
from fgmix.serving.predict import predict_files
from tests.comparison.answers import edit_config
from tests.trained_runs import CLASSES, draw_photos, small_config

VAL, TEST = 10, 5


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """Returns a run with validation images, trained briefly."""
    folder = tmp_path_factory.mktemp("validated")
    photos = draw_photos(folder / "photos", {"train": 4, "val": VAL, "test": TEST})
    config = small_config(photos, folder / "run", val_fraction=0.1, epochs=1)
    return fgmix.train(config).directory


@pytest.fixture
def export(capsys):
    def call(*argv):
        code = run(main, ["export", "--model", *map(str, argv)])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return call


@pytest.mark.slow
def test_versions_are_counted_and_never_overwritten(finished, export, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(finished, run_dir)
    before = (run_dir / "1" / "saved_model.pb").read_bytes()
    for number in ("2", "3"):
        code, out, _ = export(run_dir, "--top-k", number)
        assert code == 0
        assert f"export: {run_dir / number} " in out
        default = tf.saved_model.load(run_dir / number).signatures["serving_default"]
        assert default.structured_outputs["top_labels"].shape == (None, int(number))
    (run_dir / "7").mkdir()
    assert export(run_dir)[0] == 0
    assert (run_dir / "8" / "saved_model.pb").is_file()
    assert (run_dir / "1" / "saved_model.pb").read_bytes() == before
    assert not list(run_dir.glob(".*"))


@pytest.mark.slow
def test_an_export_has_labels_a_card_and_warm_up_requests(finished, export, tmp_path):
    code, _, _ = export(finished, "--output", tmp_path / "models" / "birds")
    assert code == 0
    version = tmp_path / "models" / "birds" / "1"
    assert (version / "labels.txt").read_text() == (finished / "labels.txt").read_text()
    assert (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 1000
    card = (version / "README.md").read_text()
    metrics = Run.open(finished).metrics
    for said in (
        f"{metrics['top1']:.1%}",
        f"{metrics['num_examples']} test photos",
        "24 train, 12 test",
        "| attention | mixed |",
        "tiny, weights: none",
        "serving_default",
        "their owner's terms apply",
        "exported without calibration",
    ):
        assert said in card, said
    assert "accepted [n]" not in card
    signatures = tf.saved_model.load(version).signatures
    assert set(signatures) == {"serving_default", "serving_tensor", "explain"}
    assert "accepted" not in signatures["serving_default"].structured_outputs


@pytest.mark.slow
def test_coverage_is_chosen_on_validation_and_measured_on_test(validated, export, tmp_path, caplog):
    code, _, _ = export(validated, "--output", tmp_path, "--coverage-target", 0.5)
    assert code == 0
    assert "50.0% of 30 validation photos accepted" in caplog.text
    served = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    photos = Run.open(validated).config.dataset
    shares = {}
    for split in ("val", "test"):
        files = tf.io.gfile.glob(f"{photos}/{split}/*/*")
        answer = served(image_bytes=tf.stack([tf.io.read_file(file) for file in files]))
        accepted = answer["accepted"].numpy()
        confidences = answer["probabilities"].numpy().max(axis=1)
        assert confidences[accepted].min() > confidences[~accepted].max()
        shares[split] = accepted.mean()
        if split == "test" and accepted.any():
            truth = np.array([file.split("/")[-2] for file in files])
            right = answer["top_labels"].numpy()[:, 0].astype(str) == truth
            precision = f"accepted, {right[accepted].mean():.1%} of them"
    assert shares["val"] == 0.5  # of 30, without ties
    card = (tmp_path / "1" / "README.md").read_text()
    assert f"| test | {shares['test']:.1%} of 15 test photos accepted" in card
    assert precision in card
    assert "The target was\ncoverage 0.5" in card
    assert f"{VAL * len(CLASSES)} validation photos" in card
    assert "`accepted [n]`" in card


@pytest.mark.slow
def test_the_threshold_and_the_card_are_of_the_averaged_probabilities(
    validated, export, tmp_path, caplog
):
    second = shutil.copytree(validated, tmp_path / "second")
    models = tmp_path / "models"
    code, _, err = export(
        validated, second, "--tta", "flip", "--output", models, "--coverage-target", 0.5
    )
    assert code == 0, err
    photos = Run.open(validated).config.dataset
    served = tf.saved_model.load(models / "1").signatures["serving_default"]
    found = {}
    for split in ("val", "test"):
        files = sorted(tf.io.gfile.glob(f"{photos}/{split}/*/*"))
        answer = served(image_bytes=tf.stack([tf.io.read_file(file) for file in files]))
        truth = np.array([file.split("/")[-2] for file in files])
        found[split] = answer["top_labels"].numpy()[:, 0].astype(str) == truth
        if split == "val":
            assert answer["accepted"].numpy().mean() == 0.5  # of 30, without ties
    top1 = found["test"].mean()
    run, single = Run.open(validated), cost(Run.open(validated).load_model())
    card = (models / "1" / "README.md").read_text()
    alone = f"{run.metrics['top1']:.1%} ± "
    for said in (
        "# run + second, version 1",
        "The probabilities are the mean over 2 runs, each on the photo and its mirror image. That "
        "takes 4 times the multiply-adds of run alone.",
        f"| this model | {2 * single.parameters:,} | {4 * single.multiply_adds / 1e6:,.1f} |",
        f"| {single.parameters:,} | {single.multiply_adds / 1e6:,.1f} |",
        f"| top-1 | {top1:.1%} ± ",
        "Without averaging, on the same photos:",
        f"| run | {alone}",
        f"| second | {alone}",
        "### second\n\n",
    ):
        assert said in card, said
    told = f"the mean over 2 runs, each on the photo and its mirror image: top-1 {top1:.1%}"
    assert told in caplog.text


@pytest.mark.slow
def test_flip_is_exported_and_what_is_not_measured_has_no_figure(
    finished, export, tmp_path, caplog
):
    run_dir = shutil.copytree(finished, tmp_path / "run")
    edit_config(run_dir, config={"dataset": str(tmp_path / "gone")})
    assert export(run_dir, "--tta", "flip")[0] == 0
    assert "what averaging brings is not measured: the photos of" in caplog.text
    photos = sorted(Path(Run.open(finished).config.dataset, "test", "red").iterdir())
    signature = tf.saved_model.load(run_dir / "2").signatures["serving_default"]
    served = signature(image_bytes=tf.constant([photo.read_bytes() for photo in photos]))
    for row, answer in enumerate(predict_files(Ensemble.open([run_dir], "flip"), photos)):
        assert answer["label"] == served["top_labels"].numpy()[row, 0].decode()
        top = served["top_probabilities"].numpy()[row, 0]
        assert answer["probability"] == pytest.approx(top, abs=1e-6)
    quality = (run_dir / "2" / "README.md").read_text().partition("## How good it is")[2]
    quality = quality.partition("\n## ")[0]
    assert "not measured when the model was exported" in quality
    metrics = Run.open(finished).metrics
    assert f"| run | {metrics['top1']:.1%} ± " in quality
    assert f"| {metrics['loss']:.3f} | {metrics['num_examples']} test |" in quality
    assert "hardest" not in quality


@pytest.mark.slow
def test_runs_of_two_sizes_take_files_and_no_pixels(finished, export, tmp_path):
    large = shutil.copytree(finished, tmp_path / "large")
    edit_config(large, config={"image_size": 64})
    build_classifier(len(CLASSES), "tiny", weights="none", image_size=64).save(
        large / "model.keras"
    )
    code, _, err = export(finished, large, "--output", tmp_path, "--format", "onnx")
    assert code == 2
    assert "the runs take images of 32 and 64: export them as savedmodel" in err[-1]
    assert export(finished, large, "--output", tmp_path / "models")[0] == 0
    card = (tmp_path / "models" / "1" / "README.md").read_text()
    assert "at 32 and 64 pixels, so there is no signature that takes pixels" in card
    assert "`serving_tensor`" not in card
    signatures = tf.saved_model.load(tmp_path / "models" / "1").signatures
    assert set(signatures) == {"serving_default", "explain"}


@pytest.mark.slow
def test_photos_that_moved_are_found_where_they_are_said_to_be(validated, export, tmp_path):
    before, photos = tmp_path / "before", Run.open(validated).config.dataset
    run_dir = shutil.copytree(validated, tmp_path / "run")
    edit_config(run_dir, config={"dataset": str(before)})
    argv = [run_dir, "--output", tmp_path / "models", "--coverage-target", "0.5"]
    code, _, [line] = export(*argv)
    assert code == 2
    assert line.endswith(f"no longer in {before}: give the folder where they are now as --dataset")
    moved = shutil.copytree(photos, tmp_path / "moved")
    cards = []
    for flag, place in (("--dataset", moved), ("--data-dir", moved), ("--dataset", photos)):
        assert export(*argv, flag, place)[0] == 0
        card = (tmp_path / "models" / str(len(cards) + 1) / "README.md").read_text()
        cards.append(card.partition("## When to trust it")[2].partition("## How it was")[0])
    assert "15 test photos accepted" in cards[0]
    assert cards[0] == cards[1] == cards[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "said"),
    [(0.99, "it needs at least 100"), (0.96, "no threshold reaches precision 0.96 on the 30 ")],
)
def test_a_precision_that_can_not_be_told_or_reached_is_one_line(
    validated, export, tmp_path, target, said
):
    code, _, err = export(validated, "--output", tmp_path, "--precision-target", target)
    assert code == 2
    [line] = err
    assert said in line
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_validation_images_says_what_to_do(finished, export, tmp_path):
    code, _, err = export(finished, "--output", tmp_path, "--coverage-target", "0.8")
    assert code == 2
    [line] = err
    assert "without validation photos" in line
    assert "--val-fraction 0.1" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--precision-target", "95"], "--precision-target 95: must be between 0 and 1"),
        (["--coverage-target", "0"], "--coverage-target 0: must be between 0 and 1"),
        (["--unknown-target", "95"], "--unknown-target 95: must be between 0 and 1"),
        (["--unknown-target", "nan"], "--unknown-target nan: must be between 0 and 1"),
        (["--coverage-target", "0.5", "--precision-target", "0.9"], "not allowed with"),
        (["--top-k", "0"], "--top-k 0: must be at least 1"),
        (["--format", "onyx"], "invalid choice: 'onyx'"),
        (["--output", __file__], "is a file: give a folder"),
    ],
)
def test_bad_flags_are_one_line(finished, export, argv, said):
    code, _, err = export(finished, *argv)
    assert code == 2
    [line] = err
    assert said in line


def test_a_limit_of_the_distance_needs_the_photos_and_the_means(finished, export, tmp_path):
    run_dir = shutil.copytree(finished, tmp_path / "run")
    edit_config(run_dir, config={"dataset": str(tmp_path / "gone")})
    code, _, [line] = export(run_dir, "--output", tmp_path / "models", "--unknown-target", "0.9")
    assert code == 2
    assert "give the folder where they are now as --dataset" in line
    (run_dir / "distance.npz").unlink()
    code, _, [line] = export(run_dir, "--output", tmp_path / "models", "--unknown-target", "0.9")
    assert code == 2
    assert line == (
        f"error: --unknown-target: {run_dir} has no distance.npz, which version 0.1 did not "
        "write: train it again"
    )
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
def test_strangers_are_refused_by_a_limit_from_validation(validated, export, tmp_path, caplog):
    code, _, err = export(validated, "--output", tmp_path, "--unknown-target", "0.5")
    assert code == 0, err
    assert "chosen for unknown 0.5: a distance of at most " in caplog.text
    served = tf.saved_model.load(tmp_path / "1").signatures
    photos = Run.open(validated).config.dataset
    files = tf.io.gfile.glob(f"{photos}/val/*/*")
    answer = served["serving_default"](
        image_bytes=tf.stack([tf.io.read_file(file) for file in [*files, __file__]])
    )
    accepted, distances = answer["accepted"].numpy()[:-1], answer["distance"].numpy()[:-1]
    assert accepted.mean() == 0.5  # of 30, without ties
    assert distances[accepted].max() < distances[~accepted].min()
    assert np.quantile(distances, 0.95) == pytest.approx(1, abs=1e-3)
    last = {name: rows.numpy()[-1] for name, rows in answer.items()}
    assert (last["distance"], last["accepted"], last["valid"]) == (0, False, False)
    assert set(served["serving_tensor"].structured_outputs) == {
        *("probabilities", "distance", "accepted")
    }
    card = (tmp_path / "1" / "README.md").read_text()
    for said in (
        "The limit keeps at least 50.0% of 30 validation photos.",
        "## Photos of something else",
        "It was measured on 30 validation photos.",
        "`top_labels [n, 3]`, `distance [n]`, `accepted [n]`, `valid [n]`",
    ):
        assert said in card, said
    found = list(predict_files(Run.open(validated), map(Path, files)))
    np.testing.assert_allclose([one["distance"] for one in found], distances, atol=1e-3)


def test_eight_bits_have_no_distance(finished, export):
    argv = ["--format", "litert", "--quantize", "int8", "--unknown-target", "0.9"]
    code, _, err = export(finished, *argv)
    assert code == 2
    assert err == ["error: --unknown-target needs the distance, which --quantize int8 has not"]


def test_a_missing_onnx_package_names_its_group(finished, export, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    code, _, err = export(finished, "--output", tmp_path, "--format", "onnx")
    assert code == 2
    assert err == ["error: --format onnx needs the package tf2onnx: pip install 'fgmix[onnx]'"]


def test_a_missing_litert_package_names_its_group(finished, export, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    code, _, err = export(finished, "--output", tmp_path, "--format", "litert")
    assert code == 2
    said = "--format litert needs the package ai_edge_litert: pip install 'fgmix[litert]'"
    assert err == [f"error: {said}"]


def test_only_litert_is_quantized(finished, export, tmp_path):
    code, _, err = export(finished, "--format", "onnx", "--quantize", "int8")
    assert code == 2
    assert err == ["error: --quantize int8 is for --format litert, not onnx"]


@pytest.mark.slow
@pytest.mark.peers
def test_litert_is_compared_on_the_test_images_and_lies_apart(finished, export, tmp_path, caplog):
    pytest.importorskip("ai_edge_litert", reason="needs the group litert")
    code, _, _ = export(finished, "--output", tmp_path, "--format", "litert", "--quantize", "int8")
    assert code == 0
    assert "LiteRT against TensorFlow: 12 test photos: largest difference" in caplog.text
    version = tmp_path / "litert" / "1"
    assert [p.name for p in tmp_path.iterdir()] == ["litert"]
    card = (version / "README.md").read_text()
    assert "get_signature_runner" in card
    assert "chosen on 24 training photos" in card
    top1 = Run.open(finished).metrics["top1"]
    assert f"top-1 {top1:.1%} before" in card


@pytest.mark.slow
def test_onnx_is_checked_on_the_test_images_and_lies_apart(finished, export, tmp_path, caplog):
    pytest.importorskip("tf2onnx", reason="needs the group onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the group onnx")
    code, _, _ = export(finished, "--output", tmp_path, "--format", "onnx")
    assert code == 0
    assert "on 12 test photos: largest difference" in caplog.text
    version = tmp_path / "onnx" / "1"
    assert [p.name for p in tmp_path.iterdir()] == ["onnx"]
    assert "InferenceSession" in (version / "README.md").read_text()
    session = onnxruntime.InferenceSession(version / "model.onnx")
    images = np.zeros((2, 32, 32, 3), "float32")
    model = Run.open(finished).load_model()
    [found] = session.run(["probabilities"], {"images": images})
    np.testing.assert_allclose(found, model(images, training=False), rtol=0, atol=1e-4)
