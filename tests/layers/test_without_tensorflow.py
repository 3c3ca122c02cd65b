"""The layers and models on Keras's JAX backend, in processes where TensorFlow can't be imported."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.backbones import OWN
from tests.forked import forked

pytest.importorskip("jax", reason="jax is not installed")

ROOT = Path(__file__).parents[2]
BLOCKED = "import sys; assert sys.modules['tensorflow'] is None\n"


def run_on_jax(code, *arguments):
    return subprocess.run(
        [*forked("jax alone"), "-c", BLOCKED + code, *arguments],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_every_module_of_layers_and_models_can_be_imported():
    files = [
        path for part in ("layers", "models") for path in (ROOT / "fgmix" / part).rglob("*.py")
    ]
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in files
    }
    assert "fgmix.models.fused_batchnorm" in modules
    done = run_on_jax(
        "import importlib\nfor name in sys.argv[1:]:\n    importlib.import_module(name)",
        *sorted(modules),
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_layers_give_the_same_numbers():
    done = run_on_jax(
        "import keras, pytest; assert keras.backend.backend() == 'jax'\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests/layers/test_attention.py']))"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.slow
def test_a_model_saved_on_tensorflow_gives_the_same_on_jax(tmp_path):
    import keras
    import numpy as np

    from fgmix.models import build_classifier

    model = build_classifier(3, "tiny", "mixed", weights="none", image_size=32)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "io.npz", images=images, out=keras.ops.convert_to_numpy(model(images)))
    done = run_on_jax(
        "import keras, numpy as np, fgmix.layers, fgmix.models\n"
        "folder = sys.argv[1]\n"
        "io = np.load(folder + '/io.npz')\n"
        "out = np.asarray(keras.models.load_model(folder + '/m.keras')(io['images']))\n"
        "print(np.abs(out - io['out']).max())",
        str(tmp_path),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) <= 1e-5


@pytest.mark.slow
def test_every_backbone_makes_a_classifier():
    # Drawing the kernels would take minutes: JAX compiles the initializer for each shape.
    done = run_on_jax(
        "import keras, numpy as np\n"
        "keras.initializers.VarianceScaling.__call__ = (\n"
        "    lambda self, shape, dtype=None: np.ones(shape, dtype))\n"
        "from fgmix.models import build_classifier\n"
        "for name in sys.argv[1:]:\n"
        "    model = build_classifier(3, name, 'mixed', weights='none', image_size=32)\n"
        "    print(name, model.output_shape[-1])",
        *OWN,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [f"{name} 3" for name in OWN]
