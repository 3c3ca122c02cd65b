"""Models, optimizer groups and checkpoints give the same results on Keras's JAX backend."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.forked import forked

pytest.importorskip("jax", reason="jax is not installed")

ROOT = Path(__file__).parents[2]
FILES = ["models/test_classifier.py", "models/test_ensemble.py"]
FILES += ["training/test_optimizer.py", "training/test_checkpoint.py"]
# JAX compiles the initialiser of every kernel shape, so many or large networks take minutes.
CHOSEN = ("exactly_one_group", "saved_and_loaded", "callers_model", "cosine", "rate")
CHOSEN += ("damaged", "goes_on_exactly", "known_probabilities", "single_predictions")


@pytest.mark.slow
def test_the_tests_pass_on_jax():
    done = subprocess.run(
        [
            *(*forked("jax"), "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-k", " or ".join(CHOSEN)),
            *(str(ROOT / "tests" / file) for file in FILES),
        ],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert int(done.stdout.rsplit(" passed", 1)[0].rsplit(maxsplit=1)[-1]) > 35, done.stdout[-200:]
