"""Several runs, and flip, in the signatures, in predictions and in evaluation: the same answers."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.codec.decode import load_batch
from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.calibration import Abstention, calibrate
from fgmix.evaluation.evaluate import evaluate
from fgmix.models import build_classifier
from fgmix.models.ensemble import average_classifiers
from fgmix.serving.export import export_saved_model
from fgmix.serving.predict import predict_files
from fgmix.serving.signatures import Classifier, signatures_of
from fgmix.training.precision import policy
from tests.data.codec.test_file_types import CONTENTS
from tests.trained_runs import CLASSES

TEMPERATURE = 0.8
PICTURES = [CONTENTS["png-rgb"], CONTENTS["jpeg-rgb"], CONTENTS["webp-rgb"]]


def build(seed, size=32, precision="float32", attention="none"):
    keras.utils.set_random_seed(seed)
    with policy(precision):
        return build_classifier(
            len(CLASSES), "tiny", attention, weights="none", image_size=size, pooling="avg"
        )


def by_hand(model, contents):
    """The probabilities of a classifier, for files and for their mirror images."""
    images, _ = load_batch(tf.constant(contents), model.input_shape[1])
    views = (images, images[:, :, ::-1])
    return [np.asarray(model(view, training=False)) for view in views]


def served(classifier, directory):
    export_saved_model(classifier, directory)
    return tf.saved_model.load(directory).signatures


def ask(signature, contents):
    return {k: v.numpy() for k, v in signature(image_bytes=tf.constant(contents)).items()}


@pytest.fixture(scope="module")
def of_two_sizes():
    """Runs of two sizes, each on the photo and its mirror image."""
    return [build(0), build(1, 64)]


@pytest.fixture(scope="module")
def signatures(of_two_sizes, tmp_path_factory):
    model = average_classifiers(of_two_sizes, "flip")
    classifier = Classifier(model, CLASSES, abstention=Abstention(TEMPERATURE, 0.35))
    return served(classifier, tmp_path_factory.mktemp("two") / "1")


@pytest.mark.slow
def test_runs_of_two_sizes_are_served_as_one(of_two_sizes, signatures):
    assert set(signatures) == {"serving_default", "explain"}
    found = ask(signatures["serving_default"], [*PICTURES, b"no picture"])
    parts = [rows for model in of_two_sizes for rows in by_hand(model, PICTURES)]
    expected = calibrate(np.mean(parts, axis=0, dtype=np.float64), TEMPERATURE)
    np.testing.assert_allclose(found["probabilities"][:3], expected, rtol=0, atol=1e-5)
    assert found["valid"].tolist() == [True, True, True, False]
    assert not found["probabilities"][3].any()
    assert found["accepted"][:3].tolist() == (expected.max(axis=1) >= 0.35).tolist()
    assert ask(signatures["serving_default"], tf.zeros([0], tf.string))["valid"].shape == (0,)


@pytest.mark.slow
def test_the_heat_map_is_the_mean_over_runs_and_views(of_two_sizes, signatures):
    maps = []
    for model in of_two_sizes:
        images, _ = load_batch(tf.constant(PICTURES), model.input_shape[1])
        attended = keras.Model(model.input, model.get_layer("attention").output)
        for view in (1, -1):
            features = np.asarray(attended(images[:, :, ::view], training=False))[:, :, ::view]
            energy = (features**2).mean(axis=-1)
            low, high = (f(energy, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
            unit = ((energy - low) / (high - low))[..., None]
            maps.append(np.asarray(tf.image.resize(unit, (4, 4)))[..., 0])
    mean = np.mean(maps, axis=0)
    low, high = (f(mean, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    found = ask(signatures["explain"], PICTURES)["heatmap"]
    assert found.shape == (3, 4, 4)  # of 64 pixels; 2 x 2 of 32
    np.testing.assert_allclose(found, (mean - low) / (high - low), rtol=0, atol=1e-5)


def test_evaluation_and_prediction_give_the_same_mean(of_two_sizes, photos):
    averaged = average_classifiers(of_two_sizes)
    dataset = load_folder(photos)
    found = evaluate(averaged, dataset, "test", batch_size=5)
    contents = [tf.io.read_file(file).numpy() for file in dataset.files("test")]
    parts = [by_hand(model, contents)[0] for model in of_two_sizes]
    np.testing.assert_allclose(found.probabilities, np.mean(parts, axis=0), rtol=0, atol=1e-6)
    run = SimpleNamespace(load_model=lambda: averaged, class_names=CLASSES, crop_bottom=0)
    answers = list(predict_files(run, [photos / path for path in found.paths]))
    for answer, row in zip(answers, found.probabilities, strict=True):
        assert answer["label"] == CLASSES[row.argmax()]
        assert answer["probability"] == pytest.approx(row.max(), abs=1e-5)


@pytest.mark.slow
def test_of_one_size_pixels_are_taken_and_precisions_may_differ(tmp_path):
    models = [build(0, precision="bfloat16"), build(1)]
    averaged = average_classifiers(models, "flip")
    assert "serving_tensor" in signatures_of(averaged)
    tensor = served(Classifier(averaged, CLASSES), tmp_path / "1")["serving_tensor"]
    images, _ = load_batch(tf.constant(PICTURES), 32)
    found = tensor(images=images)["probabilities"]
    parts = [rows for model in models for rows in by_hand(model, PICTURES)]
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=0, atol=1e-5)
