"""The output `distance`: as NumPy computes it, in every signature and row by row."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.calibration import Abstention
from fgmix.evaluation.evaluate import evaluate
from fgmix.evaluation.strangers import distances
from fgmix.models import build_classifier
from fgmix.models.class_means import ClassMeans
from fgmix.models.ensemble import average_classifiers
from fgmix.serving.signatures import SIGNATURES, Classifier
from tests.data.codec.test_file_types import CONTENTS
from tests.trained_runs import CLASSES

PICTURES = [CONTENTS["png-rgb"], CONTENTS["jpeg-rgb"], CONTENTS["webp-rgb"]]


def means(seed, channels=128):
    rng = np.random.default_rng(seed)
    return ClassMeans(
        means=rng.normal(0, 0.1, (3, channels)).astype("float32"),
        projection=rng.normal(size=(channels, 2)).astype("float32"),
        units=(0.8, 1.5),
    )


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_classifier(3, "tiny", "channel", weights="none", image_size=32, pooling="avg")


@pytest.fixture(scope="module")
def averaged(model):
    return Classifier(average_classifiers([model], "flip"), CLASSES, class_means=(means(0),) * 2)


def ask(signature, classifier, inputs):
    return {k: v.numpy() for k, v in SIGNATURES[signature](classifier)(tf.constant(inputs)).items()}


@pytest.mark.parametrize("signature", ["serving_default", "explain"])
def test_it_is_the_mean_over_the_maps_of_the_nearest_class(averaged, photos, signature):
    dataset = load_folder(photos)
    measured = evaluate(averaged.model, dataset, "test", features=True)
    expected = distances(measured.features, averaged.class_means)
    contents = [tf.io.read_file(file).numpy() for file in dataset.files("test")]
    found = ask(signature, averaged, contents)["distance"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert np.ptp(found) > 1e-3
    plain = evaluate(averaged.model, dataset, "test")
    np.testing.assert_allclose(measured.probabilities, plain.probabilities, atol=1e-6)
    assert plain.features == ()


def test_a_bad_row_has_zero_and_changes_no_other(averaged):
    alone = ask("serving_default", averaged, PICTURES)["distance"]
    found = ask("serving_default", averaged, [PICTURES[0], b"bad", PICTURES[2]])["distance"]
    assert found.tolist() == [alone[0], 0, alone[2]]
    assert ask("serving_default", averaged, np.zeros([0], "S1"))["distance"].shape == (0,)


def test_a_far_image_is_not_accepted(model):
    free = Classifier(model, CLASSES, class_means=(means(0),))
    far = np.sort(ask("serving_default", free, PICTURES)["distance"])
    limited = Classifier(
        model,
        CLASSES,
        abstention=Abstention(1.0, 0.0, float(far[:2].mean())),
        class_means=(means(0),),
    )
    found = ask("serving_default", limited, PICTURES)
    assert found["accepted"].tolist() == (found["distance"] == far[0]).tolist()


def test_pixels_have_one_output_unless_there_is_a_threshold(model):
    images = np.zeros((1, 32, 32, 3), "float32")
    free = Classifier(model, CLASSES, class_means=(means(0),))
    assert set(ask("serving_tensor", free, images)) == {"probabilities"}
    limited = Classifier(
        model, CLASSES, abstention=Abstention(1.0, 0.0, 1.0), class_means=(means(0),)
    )
    assert set(ask("serving_tensor", limited, images)) == {"probabilities", "distance", "accepted"}


@pytest.mark.slow
@pytest.mark.peers
def test_onnx_has_it_as_its_last_output(model, photos, tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the group onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the group onnx")
    from fgmix.serving.onnx import export_onnx

    classifier = Classifier(model, CLASSES, class_means=(means(0),))
    files = load_folder(photos).files("test")
    export_onnx(classifier, tmp_path / "1", "", files)
    session = onnxruntime.InferenceSession(tmp_path / "1" / "model.onnx")
    assert [output.name for output in session.get_outputs()] == ["probabilities", "distance"]
    contents = [tf.io.read_file(file).numpy() for file in files[:3]]
    images, _ = classifier.load(tf.constant(contents))
    [found] = session.run(["distance"], {"images": images.numpy()})
    expected = ask("serving_default", classifier, contents)["distance"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.peers
def test_litert_has_it(model, photos, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="needs the group litert")
    from fgmix.serving.litert import FILE, convert, run_litert

    classifier = Classifier(model, CLASSES, class_means=(means(0),))
    (tmp_path / FILE).write_bytes(convert(classifier))
    contents = [tf.io.read_file(file).numpy() for file in load_folder(photos).files("test")[:3]]
    images, _ = classifier.load(tf.constant(contents))
    found = run_litert(tmp_path / FILE, list(images.numpy()[:, np.newaxis]), "distance")
    expected = ask("serving_default", classifier, contents)["distance"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
