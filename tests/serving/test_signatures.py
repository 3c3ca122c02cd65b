"""The signatures: equal predictions for every input, heat maps, abstention and precision."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.codec.batch import load_batch
from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.calibration import Abstention, calibrate
from fgmix.evaluation.evaluate import evaluate
from fgmix.models import build_classifier
from fgmix.serving.export import export_saved_model
from fgmix.serving.predict import predict_files
from fgmix.serving.signatures import SIGNATURES, Classifier
from fgmix.training.precision import policy
from tests.data.codec.test_file_types import CONTENTS, SUFFIXES
from tests.data.codec.test_headers import LARGE

NAMES = ("one", "two", "three", "four", "five", "six", "seven")
SIZE = 32
TEMPERATURE = 0.8


def build(precision="float32"):
    """An untrained classifier whose predictions differ between pictures."""
    keras.utils.set_random_seed(0)
    with policy(precision):
        return build_classifier(len(NAMES), "tiny", weights="none", image_size=SIZE)


@pytest.fixture(scope="module")
def model():
    return build()


def served(classifier, directory):
    export_saved_model(classifier, directory)
    return tf.saved_model.load(directory).signatures


@pytest.fixture(scope="module")
def plain(model, tmp_path_factory):
    return served(Classifier(model, NAMES), tmp_path_factory.mktemp("plain") / "1")


@pytest.fixture(scope="module")
def chosen(plain):
    """A threshold amid the confidences of the drawn pictures."""
    raw = ask(plain["serving_default"], list(CONTENTS.values()))["probabilities"]
    confidences = np.sort(calibrate(raw, TEMPERATURE).max(axis=1))
    widest = np.diff(confidences).argmax()
    return Abstention(TEMPERATURE, float(confidences[widest : widest + 2].mean()))


@pytest.fixture(scope="module")
def abstaining(model, chosen, tmp_path_factory):
    classifier = Classifier(model, NAMES, top_k=2, abstention=chosen)
    return served(classifier, tmp_path_factory.mktemp("abstaining") / "1")


def ask(signature, contents):
    return {k: v.numpy() for k, v in signature(image_bytes=tf.constant(contents)).items()}


@pytest.mark.slow
def test_every_way_in_gives_the_same_probabilities(model, plain, tmp_path):
    for name in NAMES:
        (tmp_path / "test" / name).mkdir(parents=True)
        (tmp_path / "train" / name).mkdir(parents=True)
        for part in ("train", "test"):
            (tmp_path / part / name / "x.png").write_bytes(CONTENTS["png-rgb"])
    for name, content in CONTENTS.items():
        file = tmp_path / "test" / "one" / f"{name}{SUFFIXES[name.split('-')[0]]}"
        file.write_bytes(content)
    dataset = load_folder(tmp_path)
    files = dataset.files("test")
    contents = [tf.io.read_file(file).numpy() for file in files]

    evaluated = evaluate(model, dataset, "test", batch_size=7).probabilities
    assert len(evaluated) == len(CONTENTS) + len(NAMES)
    assert np.ptp(evaluated, axis=0).max() > 1e-3

    by_bytes = ask(plain["serving_default"], contents)
    assert by_bytes["valid"].all()
    decoded, _ = load_batch(tf.constant(contents), SIZE)
    by_pixels = plain["serving_tensor"](images=decoded)["probabilities"].numpy()
    run = SimpleNamespace(
        load_model=lambda: model, class_names=NAMES, crop_bottom=0, class_means=()
    )
    predicted = list(predict_files(run, [tmp_path / file for file in files]))
    explained = ask(plain["explain"], contents)["probabilities"]

    np.testing.assert_allclose(by_bytes["probabilities"], evaluated, rtol=0, atol=1e-5)
    np.testing.assert_allclose(by_pixels, evaluated, rtol=0, atol=1e-5)
    np.testing.assert_allclose(explained, evaluated, rtol=0, atol=1e-5)
    for answer, row in zip(predicted, evaluated, strict=True):
        assert answer["label"] == NAMES[row.argmax()]
        assert answer["probability"] == pytest.approx(row.max(), abs=1e-5)


def test_the_heat_map_is_the_energy_of_the_attended_features(model, plain):
    contents = [CONTENTS["png-rgb"], CONTENTS["jpeg-rgb"], CONTENTS["webp-rgb"]]
    found = ask(plain["explain"], contents)
    images, _ = load_batch(tf.constant(contents), SIZE)
    attended = keras.Model(model.input, model.get_layer("attention").output)
    energy = (np.asarray(attended(images, training=False)) ** 2).mean(axis=-1)
    low, high = energy.min(axis=(1, 2), keepdims=True), energy.max(axis=(1, 2), keepdims=True)
    expected = (energy - low) / (high - low)
    assert found["heatmap"].shape == expected.shape
    np.testing.assert_allclose(found["heatmap"], expected, rtol=0, atol=1e-5)
    assert found["heatmap"].min(axis=(1, 2)).tolist() == [0, 0, 0]
    assert found["heatmap"].max(axis=(1, 2)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("signature", ["serving_default", "explain"])
@pytest.mark.parametrize("name", ["empty", "text", *LARGE])
def test_a_refused_row_is_empty_and_changes_no_other(abstaining, signature, name):
    bad = {"empty": b"", "text": b"no picture"}.get(name) or LARGE.get(name, bytes)()
    good = [CONTENTS["jpeg-rgb"], CONTENTS["png-rgba"], CONTENTS["gif"]]
    expected = ask(abstaining[signature], good)
    found = ask(abstaining[signature], [good[0], bad, good[2]])
    assert found["valid"].tolist() == [True, False, True]
    for output, rows in found.items():
        np.testing.assert_array_equal(rows[[0, 2]], expected[output][[0, 2]], err_msg=output)
        assert not rows[1].any(), output


@pytest.mark.parametrize("signature", SIGNATURES)
def test_an_empty_batch_gives_empty_outputs(plain, abstaining, signature):
    for signatures in (plain, abstaining):
        call = signatures[signature]
        [spec] = call.structured_input_signature[1].values()
        found = call(tf.zeros([0, *spec.shape[1:]], spec.dtype))
        assert set(found) == set(call.structured_outputs)
        for output, rows in found.items():
            assert rows.shape.as_list() == [0, *call.structured_outputs[output].shape[1:]], output


@pytest.mark.slow
def test_probabilities_are_calibrated_in_every_signature(plain, chosen, abstaining):
    contents = list(CONTENTS.values())
    raw = ask(plain["serving_default"], contents)["probabilities"]
    expected = calibrate(raw.astype(np.float64), chosen.temperature)
    by_bytes = ask(abstaining["serving_default"], contents)
    images, _ = load_batch(tf.constant(contents), SIZE)
    by_pixels = {k: v.numpy() for k, v in abstaining["serving_tensor"](images=images).items()}
    explained = ask(abstaining["explain"], contents)
    accepted = expected.max(axis=1) >= chosen.threshold
    assert 0 < accepted.sum() < len(accepted)
    for found in (by_bytes, by_pixels, explained):
        np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-5)
        assert found["accepted"].tolist() == accepted.tolist()


def test_top_k_is_chosen_at_export(abstaining):
    found = ask(abstaining["serving_default"], [CONTENTS["jpeg-rgb"]])
    order = found["probabilities"][0].argsort()[::-1][:2]
    assert [label.decode() for label in found["top_labels"][0]] == [NAMES[i] for i in order]
    np.testing.assert_array_equal(found["top_probabilities"][0], found["probabilities"][0, order])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_model_of_mixed_precision_answers_in_float32(precision, tmp_path):
    mixed = build(precision)
    assert mixed.get_layer("head_fc").compute_dtype == precision
    signatures = served(Classifier(mixed, NAMES), tmp_path / "1")
    contents = [CONTENTS["png-rgb"], CONTENTS["jpeg-rgb"], b"bad"]
    images, _ = load_batch(tf.constant(contents), SIZE)
    expected = np.asarray(mixed(images, training=False))
    for signature in ("serving_default", "explain"):
        found = ask(signatures[signature], contents)
        assert {v.dtype.name for k, v in found.items() if k in ("probabilities", "heatmap")} == {
            "float32"
        }
        np.testing.assert_allclose(found["probabilities"][:2], expected[:2], rtol=0, atol=1e-5)
    found = signatures["serving_tensor"](images=images)["probabilities"]
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
