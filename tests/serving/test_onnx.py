"""ONNX gives the outputs of `serving_tensor`, or is not written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.errors import FgmixError
from fgmix.evaluation.calibration import Abstention
from fgmix.models import build_classifier
from fgmix.models.ensemble import attended_maps, average_classifiers
from fgmix.serving import onnx
from fgmix.serving.signatures import Classifier, serving_tensor
from fgmix.training.precision import policy
from tests.families import FAMILIES, build_family
from tests.pictures import write_noise

pytest.importorskip("tf2onnx", reason="needs the group onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the group onnx")

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [str(write_noise(folder / f"{n}.png", seed=n)) for n in range(3)]


def gelu():
    """A small backbone with ConvNeXt's activation."""
    inputs = keras.Input((32, 32, 3))
    features = keras.layers.Conv2D(32, 8, strides=8, activation="gelu")(inputs)
    return keras.Model(inputs, features, name="gelu")


def bare():
    """A small backbone with operations that are no layers, as ConvNeXt's `x + y`."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 8, strides=8)(inputs)
    # A model within the model, which has a bare operation of its own.
    inside = keras.Input(x.shape[1:], dtype=x.dtype)
    block = keras.Model(inside, keras.ops.relu(keras.layers.Conv2D(8, 1)(inside)), name="block")
    x = x + 0.5 * block(x)
    x = keras.ops.cast(x, keras.config.dtype_policy().compute_dtype)
    return keras.Model(inputs, keras.ops.concatenate([x, x[..., ::-1]], axis=-1), name="bare")


SMALL = {"gelu": gelu, "bare": bare}


def build(backbone="tiny", precision="float32"):
    keras.utils.set_random_seed(0)
    with policy(precision):
        features = SMALL[backbone]() if backbone in SMALL else backbone
        return build_classifier(len(NAMES), features, weights="none", image_size=32)


# A mixed-precision model runs in float32; GELU needs an operation that ONNX lacks.
@pytest.mark.parametrize(
    ("backbone", "precision"),
    [
        ("tiny", "float32"),
        ("tiny", "bfloat16"),
        ("gelu", "float32"),
        ("bare", "bfloat16"),
        ("bare", "float16"),
    ],
)
def test_onnxruntime_answers_as_the_model_in_float32(backbone, precision, files, tmp_path):
    classifier = Classifier(
        build(backbone, precision), NAMES, abstention=Abstention(temperature=2.0, threshold=0.35)
    )
    difference = onnx.export_onnx(classifier, tmp_path / "onnx" / "1", "the card", files)
    assert difference <= 1e-4
    assert sorted(p.name for p in (tmp_path / "onnx" / "1").iterdir()) == [
        "README.md",
        "labels.txt",
        "model.onnx",
    ]
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "1" / "model.onnx")
    for size in (1, 4):
        images = np.random.default_rng(size).uniform(0, 255, (size, 32, 32, 3)).astype("float32")
        probabilities, accepted = session.run(["probabilities", "accepted"], {"images": images})
        same = build(backbone)  # the seed's weights, in float32
        expected = serving_tensor(Classifier(same, NAMES, abstention=classifier.abstention))(
            tf.constant(images)
        )
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, expected["probabilities"], rtol=0, atol=1e-4)
        assert accepted.tolist() == expected["accepted"].numpy().tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_takes_batches_of_any_size(name, files, tmp_path):
    # In half precision, which becomes float32: what a float32 model does is part of it.
    model = build_family(name, tmp_path, "bfloat16")
    onnx.export_onnx(Classifier(model, NAMES), tmp_path / "1", "", files)
    session = onnxruntime.InferenceSession(tmp_path / "1" / "model.onnx")
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype("float32")
    expected = onnx.in_float32(model)(images, training=False)
    for size in (1, 3):
        [found] = session.run(["probabilities"], {"images": images[:size]})
        np.testing.assert_allclose(found, expected[:size], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_onnxruntime_averages_runs_and_views(files, tmp_path):
    def averaged(precision):
        return average_classifiers(
            [build("tiny", precision), build("bare")], "flip", [[0, 1, 2], [2, 0, 1]]
        )

    onnx.export_onnx(Classifier(averaged("bfloat16"), NAMES), tmp_path / "1", "", files)
    session = onnxruntime.InferenceSession(tmp_path / "1" / "model.onnx")
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype("float32")
    [probabilities] = session.run(["probabilities"], {"images": images})
    model = averaged("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-4)
    shapes = [features.shape for features in attended_maps(onnx.in_float32(averaged("bfloat16")))]
    assert shapes == [features.shape for features in attended_maps(model)]


def test_what_differs_is_not_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "run_onnx", lambda _, images, name: np.full((len(images), 3), 0.5))
    with pytest.raises(FgmixError, match=r"not written: its output probabilities .* 3 test"):
        onnx.export_onnx(Classifier(build(), NAMES), tmp_path / "1", "", files)
    assert list(tmp_path.iterdir()) == []
