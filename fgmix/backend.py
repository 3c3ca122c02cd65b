"""Imports TensorFlow and Keras in silence, with one-line errors where that fails."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, requires, version

from fgmix.errors import FgmixError


def import_tensorflow(any_backend: bool = False) -> None:
    """Imports TensorFlow without its start-up messages, and Keras on TensorFlow.

    A trained model is the same on every Keras backend, so everything but training uses
    TensorFlow's, whatever `KERAS_BACKEND` is.

    Args:
        any_backend: Whether to leave the backend to `KERAS_BACKEND`, as for training.

    Raises:
        FgmixError: If TensorFlow or Keras is missing or can't be loaded, or if this process has
            imported Keras on another backend already.
    """
    if not any_backend and "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _errors_hidden():
        _load("tensorflow")
        _load("keras")
    import keras

    if not any_backend and keras.backend.backend() != "tensorflow":
        raise FgmixError(
            f"Keras runs on {keras.backend.backend()} in this process, and this needs TensorFlow: "
            f"start Python anew with KERAS_BACKEND=tensorflow"
        )


TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos", "tf-nightly")
"""The packages that TensorFlow may be installed as."""


def library_version(name: str) -> str:
    """Returns the version of an installed library, without importing it.

    Example:
        >>> library_version("keras").split(".")[0]
        '3'

    Raises:
        PackageNotFoundError: If no package of it is installed.
    """
    for package in TENSORFLOW if name == "tensorflow" else (name,):
        with suppress(PackageNotFoundError):
            return version(package)
    raise PackageNotFoundError(name)


@contextmanager
def _errors_hidden() -> Iterator[None]:
    """Redirects standard error: TensorFlow's C++ writes to it before it reads its log level."""
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def _load(name: str) -> None:
    try:
        __import__(name)
    except Exception as error:  # a broken installation raises errors of any kind
        wanted = _requirement(name)
        if isinstance(error, ModuleNotFoundError):
            raise FgmixError(
                f"{name} is not installed: pip install '{wanted}'"
                if error.name == name
                else f"{name} needs the package {error.name}: pip install {error.name}"
            ) from error
        raise FgmixError(
            f"{name} is installed and can't be loaded ({_reason(error)}): install it again with "
            f"pip install --force-reinstall '{wanted}'"
        ) from error


def _requirement(name: str) -> str:
    """Returns what fgmix asks for of a package, such as `tensorflow>=2.20`."""
    with suppress(PackageNotFoundError):
        for line in requires("fgmix") or []:
            if re.fullmatch(rf"{name}[<>=!~].*", line) and ";" not in line:
                return line
    return name


def _reason(error: Exception) -> str:
    """Returns the cause in a line; TensorFlow's own message quotes a whole traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line.partition(": ")[2] for line in lines if re.match(r"\w+(Error|Exception): ", line)]
    return ((named[-1:] or lines[:1] or [type(error).__name__])[0])[:200]
