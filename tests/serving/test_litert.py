"""LiteRT gives the model's probabilities and heat maps, or is not written."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from fgmix.errors import FgmixError
from fgmix.serving import inference, litert
from fgmix.serving.inference import InferenceGraph
from fgmix.serving.litert import FILE, convert, export_litert, run_litert
from fgmix.serving.signatures import Classifier, explain
from tests.families import CLASSES, FAMILIES, build_family
from tests.pictures import write_noise

interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="needs the group litert")
pytestmark = pytest.mark.peers

COUNT = 8
LABELS = [n % len(CLASSES) for n in range(COUNT)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [str(write_noise(folder / f"{n}.png", seed=n)) for n in range(COUNT)]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Classifier(build_family("tiny", tmp_path_factory.mktemp("tiny")), CLASSES)


def pixels(count, seed=0):
    rng = np.random.default_rng(seed)
    return list(rng.uniform(0, 255, (count, 1, 32, 32, 3)).astype("float32"))


def test_the_file_answers_as_the_model(classifier, files, tmp_path):
    folder = tmp_path / "litert" / "1"
    found = export_litert(classifier, folder, "the card\n", (files, LABELS))
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "labels.txt", FILE]
    assert found.difference <= 1e-5
    assert found.images == COUNT
    assert found.top1[0] == found.top1[1]
    assert found.size == (folder / FILE).stat().st_size
    card = (folder / "README.md").read_text()
    assert card.startswith("the card\n\n## What the conversion changes\n\nThe model is float32.")
    assert str(found) in card

    runner = interpreter.Interpreter(str(folder / FILE)).get_signature_runner()
    assert set(runner.get_input_details()) == {"images"}
    assert set(runner.get_output_details()) == {"probabilities", "heatmap"}
    contents = [tf.io.read_file(file) for file in files[:2]]
    images, _ = classifier.load(tf.stack(contents))
    rows = list(images.numpy()[:, np.newaxis])
    expected = explain(classifier)(tf.stack(contents))
    for name in ("probabilities", "heatmap"):
        values = run_litert(folder / FILE, rows, name)
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-4)


def test_int8_is_a_quarter_of_the_size(classifier, files, tmp_path):
    whole = 4 * classifier.model.count_params()
    found = export_litert(classifier, tmp_path / "1", "card", (files, LABELS), files)
    assert 0.2 * whole < found.size < 0.4 * whole
    assert 0 < found.difference < 0.1
    assert found.calibrated_on == COUNT
    assert "int8: the ranges" in (tmp_path / "1" / "README.md").read_text()
    runner = interpreter.Interpreter(str(tmp_path / "1" / FILE)).get_signature_runner()
    kinds = {**runner.get_input_details(), **runner.get_output_details()}
    assert {detail["dtype"] for detail in kinds.values()} == {np.float32}


def test_large_weights_are_in_the_file_too(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "CONSTANT_BYTES", 1000)
    graph = InferenceGraph(classifier.model)
    assert graph.kept
    (tmp_path / FILE).write_bytes(convert(replace(classifier, graph=graph)))
    images = pixels(2)
    found = run_litert(tmp_path / FILE, images)
    np.testing.assert_allclose(found, graph(np.concatenate(images))[0], rtol=0, atol=1e-4)


def test_what_differs_is_not_written(classifier, files, tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "run_litert", lambda file, images: np.full((len(images), 3), 0.5))
    with pytest.raises(FgmixError, match=r"not written: its probabilities differ by .* 8 test"):
        export_litert(classifier, tmp_path / "1", "", (files, LABELS))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_needs_built_in_operations_alone(name, tmp_path):
    model = build_family(name, tmp_path)
    graph = InferenceGraph(model)
    (tmp_path / FILE).write_bytes(convert(Classifier(model, CLASSES, graph=graph)))
    images = pixels(2)
    expected, _ = graph(np.concatenate(images))
    found = run_litert(tmp_path / FILE, images)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
