"""Environment and fixtures of all tests, set before TensorFlow is imported."""

import contextlib
import os
from collections import Counter

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.trained_runs import finished, photos  # noqa: F401  (fixtures for every test)


def pytest_configure():
    """Disables TensorFlow's graph optimiser in the tests' own process.

    It takes a quarter of the time of a run that is over in seconds. Commands and trainings that
    tests start in processes of their own have it, as they have it for a user.
    """
    with contextlib.suppress(ImportError):  # some tests run where there is no TensorFlow
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def pytest_collection_modifyitems(items):
    """Starts with the files that have most slow tests, so that workers end at the same time."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session", autouse=True)
def tfds_folder(tmp_path_factory):
    """Sets a data folder for the tests, for the resized cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("tfds")
        patch.setenv("TFDS_DATA_DIR", str(folder))
        # Share JAX's compilation cache among all processes, including pytest's workers.
        workers = tmp_path_factory.getbasetemp()
        shared = workers.parent if "PYTEST_XDIST_WORKER" in os.environ else workers
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(shared / "jax"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        yield folder
