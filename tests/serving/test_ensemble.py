"""Several runs, and flip, in the signatures, in predictions and in evaluation: the same answers."""

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
from fgmix.models.ensemble import average_classifiers
from fgmix.serving.predict import predict_files
from fgmix.serving.signatures import SIGNATURES, Classifier, signatures_of
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


def ask(signature, classifier, inputs):
    return {k: v.numpy() for k, v in SIGNATURES[signature](classifier)(tf.constant(inputs)).items()}


@pytest.fixture(scope="module")
def of_two_sizes():
    return [build(0), build(1, 64)]


@pytest.fixture(scope="module")
def classifier(of_two_sizes):
    """Two runs of different sizes, each on the photo and its mirror image."""
    model = average_classifiers(of_two_sizes, "flip")
    return Classifier(model, CLASSES, abstention=Abstention(TEMPERATURE, 0.35))


def test_runs_of_two_sizes_answer_files_as_one(of_two_sizes, classifier):
    assert signatures_of(classifier.model) == ("serving_default", "explain")
    found = ask("serving_default", classifier, [*PICTURES, b"no picture"])
    parts = [rows for model in of_two_sizes for rows in by_hand(model, PICTURES)]
    expected = calibrate(np.mean(parts, axis=0, dtype=np.float64), TEMPERATURE)
    np.testing.assert_allclose(found["probabilities"][:3], expected, rtol=0, atol=1e-5)
    assert found["valid"].tolist() == [True, True, True, False]
    assert not found["probabilities"][3].any()
    assert found["accepted"][:3].tolist() == (expected.max(axis=1) >= 0.35).tolist()
    assert ask("serving_default", classifier, np.array([], "S"))["valid"].shape == (0,)


def test_the_heat_map_is_the_mean_over_runs_and_views(of_two_sizes, classifier):
    maps = []
    for model in of_two_sizes:
        images, _ = load_batch(tf.constant(PICTURES), model.input_shape[1])
        attended = keras.Model(model.input, model.get_layer("attention").output)
        for view in (1, -1):
            features = np.asarray(attended(images[:, :, ::view], training=False))[:, :, ::view]
            unit = unit_scale((features**2).mean(axis=-1))[..., None]
            maps.append(np.asarray(tf.image.resize(unit, (4, 4)))[..., 0])
    found = ask("explain", classifier, PICTURES)["heatmap"]
    assert found.shape == (3, 4, 4)  # of 64 pixels; 2 x 2 of 32
    np.testing.assert_allclose(found, unit_scale(np.mean(maps, axis=0)), rtol=0, atol=1e-5)


def unit_scale(maps):
    low, high = (f(maps, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    return (maps - low) / (high - low)


def test_evaluation_and_prediction_give_the_same_mean(of_two_sizes, photos):
    averaged = average_classifiers(of_two_sizes)
    dataset = load_folder(photos)
    found = evaluate(averaged, dataset, "test", batch_size=5)
    contents = [tf.io.read_file(file).numpy() for file in dataset.files("test")]
    parts = [by_hand(model, contents)[0] for model in of_two_sizes]
    np.testing.assert_allclose(found.probabilities, np.mean(parts, axis=0), rtol=0, atol=1e-6)
    run = SimpleNamespace(
        load_model=lambda: averaged, class_names=CLASSES, crop_bottom=0, class_means=()
    )
    answers = list(predict_files(run, [photos / path for path in found.paths]))
    for answer, row in zip(answers, found.probabilities, strict=True):
        assert answer["label"] == CLASSES[row.argmax()]
        assert answer["probability"] == pytest.approx(row.max(), abs=1e-5)


def test_of_one_size_pixels_are_taken_and_precisions_may_differ(of_two_sizes):
    models = [build(0, precision="bfloat16"), of_two_sizes[0]]
    averaged = average_classifiers(models, "flip")
    assert signatures_of(averaged) == tuple(SIGNATURES)
    images, _ = load_batch(tf.constant(PICTURES), 32)
    found = ask("serving_tensor", Classifier(averaged, CLASSES), images)["probabilities"]
    parts = [rows for model in models for rows in by_hand(model, PICTURES)]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=0, atol=1e-5)
