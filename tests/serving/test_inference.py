"""The inference graph computes what the model computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.models.ensemble import average_classifiers
from fgmix.serving import inference
from fgmix.serving.export import export_saved_model
from fgmix.serving.inference import InferenceGraph, differences, inference_graph
from fgmix.serving.signatures import Classifier
from tests.families import CLASSES, MARKED, build_family


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return build_family("tiny", tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("name", MARKED)
def test_of_every_family_it_gives_the_models_outputs(name, tmp_path):
    model = build_family(name, tmp_path)
    graph = InferenceGraph(model)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert graph.folded == len(norms) > 0
    small = [v for v in graph.kept if v.dtype.is_floating and v.shape.num_elements() < 4 << 20]
    assert small == []
    assert max(differences(graph, model)) <= 1e-5
    images = np.random.default_rng(2).uniform(0, 255, (3, 32, 32, 3)).astype("float32")
    probabilities, attended = graph(images)
    expected = keras.Model(model.input, [model.output, model.get_layer("attention").output])(
        images, training=False
    )
    np.testing.assert_allclose(probabilities, expected[0], rtol=1e-4, atol=1e-6)
    scale = float(np.abs(expected[1]).max())
    np.testing.assert_allclose(attended, expected[1], rtol=0, atol=1e-5 * scale)


def test_several_classifiers_and_views_are_folded_once(model, tmp_path):
    averaged = average_classifiers([model, build_family("tiny", tmp_path)], "flip")
    graph = InferenceGraph(averaged)
    assert graph.folded == 2 * InferenceGraph(model).folded
    assert max(differences(graph, averaged)) <= 1e-5


def test_large_weights_stay_variables(model, monkeypatch):
    monkeypatch.setattr(inference, "CONSTANT_BYTES", 100_000)
    graph = InferenceGraph(model)
    assert {4 * tf.size(kept).numpy() > 100_000 for kept in graph.kept} == {True}
    assert graph.constants + len(graph.kept) == len(model.variables)
    assert max(differences(graph, model)) <= 1e-5
    monkeypatch.setattr(inference, "ALL_CONSTANT_BYTES", 10_000)
    assert InferenceGraph(model).constants == 0


@pytest.mark.parametrize("found", [(3e-4, 0.0), (0.0, 3e-4)])
def test_what_differs_is_not_folded(model, monkeypatch, caplog, found):
    monkeypatch.setattr(inference, "differences", lambda graph, model: found)
    graph = inference_graph(model)
    assert graph.folded == 0
    assert "BatchNorm is not folded" in caplog.text
    assert "3.0e-04" in caplog.text


def test_maps_may_differ_by_the_rounding_of_many_layers(model, monkeypatch, caplog):
    monkeypatch.setattr(inference, "differences", lambda graph, model: (9e-6, 9e-5))
    assert inference_graph(model).folded > 0
    assert caplog.text == ""


def test_an_export_has_no_batch_norm_and_no_variables(model, tmp_path):
    export_saved_model(Classifier(model, CLASSES), tmp_path / "1")
    loaded = tf.saved_model.load(tmp_path / "1")
    assert loaded.variables_of_model == []
    graph = (tmp_path / "1" / "saved_model.pb").read_bytes()
    assert b"FusedBatchNorm" not in graph
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    found = loaded.signatures["serving_tensor"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(found, model(images, training=False), rtol=1e-5, atol=1e-7)
