"""Backbones that give tokens, one of each family, in everything that a convolutional one is in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.cli.main import run as run_command
from fgmix.explanation.maps import MapMaker
from fgmix.models import ATTENTIONS, build_classifier
from fgmix.models.resized import at_size
from fgmix.models.split import split_model
from fgmix.serving.export import export_saved_model
from fgmix.serving.onnx import export_onnx
from fgmix.serving.signatures import Classifier
from tests import hub_presets
from tests.forked import forked
from tests.hub_presets import photos as images
from tests.hub_presets import run
from tests.pictures import write_noise
from tests.trained_runs import read_history, small_config

ROOT = Path(__file__).parents[2]
FAMILIES = ["vit", "dinov2", "siglip"]
NAMES = ("a", "b", "c")
SIDE, CHANNELS = 4, {"vit": 32, "dinov2": 32, "siglip": 16}


@pytest.fixture(scope="module", params=FAMILIES)
def preset(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / request.param
    hub_presets.save(request.param, folder)
    return request.param, folder


def classifier(folder, attention="mixed"):
    model = build_classifier(
        len(NAMES), f"hub:{folder}", attention, image_size=32, reduction=4, pooling="avg"
    )
    return hub_presets.randomize(model, seed=2)


@pytest.fixture(scope="module")
def mixed(preset):
    return classifier(preset[1])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [str(write_noise(folder / f"{n}.png", seed=n)) for n in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_attention_works_on_the_map(preset, attention):
    family, folder = preset
    model = classifier(folder, attention)
    assert model.get_layer("attention").output.shape == (None, SIDE, SIDE, CHANNELS[family])
    probabilities = run(model, images(2))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    parts = split_model(model)
    maps = run(parts.backbone, images(2))
    if parts.takes_means:
        maps = maps.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(run(parts.head, maps), probabilities, atol=1e-5)


@pytest.mark.slow
def test_heat_maps_and_grad_cam_have_a_place_for_every_patch(mixed):
    seen = MapMaker(mixed)(images(2))
    assert set(seen.heat) == {"before", "energy", "gradcam", "spatial"}
    for maps in seen.heat.values():
        assert maps.shape == (2, SIDE, SIDE)
        assert maps.min() >= 0
    for name in ("before", "energy", "spatial"):
        assert seen.heat[name].max() == pytest.approx(1)


def test_another_size_shares_the_weights(mixed):
    larger = at_size(mixed, 48)
    assert [id(w) for w in larger.weights] == [id(w) for w in mixed.weights]
    assert larger.get_layer("attention").name == "attention"
    assert run(larger, images(2, 48)).shape == (2, 3)


@pytest.mark.slow
def test_the_saved_model_gives_the_same_and_explains(mixed, files, tmp_path):
    made = Classifier(mixed, NAMES)
    export_saved_model(made, tmp_path / "1")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    given = images(2)
    found = signatures["serving_tensor"](images=tf.constant(given))["probabilities"]
    np.testing.assert_allclose(found, run(mixed, given), atol=1e-5)
    encoded = tf.stack([tf.io.read_file(file) for file in files])
    explained = signatures["explain"](image_bytes=encoded)
    assert explained["heatmap"].shape == (3, SIDE, SIDE)
    assert explained["valid"].numpy().all()


@pytest.mark.slow
def test_onnx_gives_the_same(mixed, files, tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the group onnx")
    pytest.importorskip("onnxruntime", reason="needs the group onnx")
    assert export_onnx(Classifier(mixed, NAMES), tmp_path / "1", "", files) <= 1e-5


JAX = """
import sys
assert sys.modules["tensorflow"] is None
import keras, numpy as np, fgmix.layers
from fgmix.models import build_classifier
folder = sys.argv[1]
given = np.load(folder + "/io.npz")
model = keras.models.load_model(folder + "/model.keras")
print(np.abs(np.asarray(model(given["images"])) - given["out"]).max())
built = build_classifier(3, "hub:" + sys.argv[2], "mixed", image_size=32, pooling="avg")
built.compile("sgd", "categorical_crossentropy")
before = built.get_weights()
built.fit(given["images"], np.eye(3)[[0, 2]], verbose=0)
print(sum(np.abs(a - b).max() > 0 for a, b in zip(before, built.get_weights())) / len(before))
"""


@pytest.mark.slow
def test_jax_gives_the_same_and_trains_without_tensorflow(preset, mixed, tmp_path):
    pytest.importorskip("jax", reason="jax is not installed")
    mixed.save(tmp_path / "model.keras")
    np.savez(tmp_path / "io.npz", images=images(2), out=run(mixed, images(2)))
    done = subprocess.run(
        [*forked("jax alone"), "-c", JAX, str(tmp_path), str(preset[1])],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    difference, changed = map(float, done.stdout.split())
    assert difference <= 1e-5
    assert changed > 0.8


@pytest.mark.slow
def test_a_run_on_stored_features_and_with_the_backbone(photos, tmp_path):
    """One run of both stages, with smaller images first, and what commands do with it."""
    hub_presets.save("dinov2", tmp_path / "tiny preset")
    from fgmix import train

    config = small_config(
        photos,
        tmp_path / "run",
        backbone=f"hub:{tmp_path / 'tiny preset'}",
        weights="imagenet",
        recipe="frozen",
        epochs=1,
        finetune_epochs=2,
        image_size=40,
    )
    result = train(config)
    assert len(read_history(result.directory)) == 3
    record = json.loads((result.directory / "config.json").read_text())
    assert record["preset"]["name"] == str(tmp_path / "tiny preset")
    assert len(record["preset"]["sha256"]) == 64
    assert record["preset"]["keras_hub"].startswith("0.32")
    saved = keras.models.load_model(result.directory / "model.keras", compile=False)
    assert saved.get_layer("tokens_to_map").output.shape == (None, 5, 5, 32)
    model = ["--model", str(result.directory)]
    from fgmix import __main__ as commands

    assert run_command(commands.main, ["evaluate", *model, "--heatmaps", "2"]) == 0
    out = ["--output", str(tmp_path / "export")]
    assert run_command(commands.main, ["export", *model, *out]) == 0
    assert "tiny preset" in (tmp_path / "export/1/README.md").read_text()
