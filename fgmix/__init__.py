"""fgmix: fine-grained image classification on small data with mixed attention.

`fgmix.train` returns a `Run`; `open_run`, `predict`, `evaluate`, `explain`, `export`, `compare` and
`check` are the other commands as functions (`fgmix.api`). `fgmix.models.build_classifier` and
`fgmix.layers` are the building blocks. Heavy modules are imported on first use.
"""

import sys
from typing import TYPE_CHECKING

# First of all, since the imports below have syntax that an older Python can't read.
if sys.version_info < (3, 11):  # noqa: UP036  (a clone can be started with any Python)
    sys.stderr.write(
        "error: fgmix needs Python 3.11 or newer, and this is Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}: make an environment with a newer one, such "
        "as python3.12 -m venv .venv\n"
    )
    raise SystemExit(2)

from fgmix.lazy import import_after, lazy_attributes

if TYPE_CHECKING:
    from fgmix import layers, models
    from fgmix.api import (
        Prediction,
        check,
        compare,
        evaluate,
        explain,
        export,
        open_run,
        predict,
        train,
    )
    from fgmix.config.train_config import TrainConfig
    from fgmix.errors import FgmixError
    from fgmix.runs.run import Run

__version__ = "0.2.0"
__all__ = [
    "FgmixError",
    "Prediction",
    "Run",
    "TrainConfig",
    "check",
    "compare",
    "evaluate",
    "explain",
    "export",
    "layers",
    "models",
    "open_run",
    "predict",
    "train",
]

_HOME = {
    "FgmixError": "fgmix.errors",
    "Prediction": "fgmix.api",
    "Run": "fgmix.runs.run",
    "TrainConfig": "fgmix.config.train_config",
    "check": "fgmix.api",
    "compare": "fgmix.api",
    "evaluate": "fgmix.api",
    "explain": "fgmix.api",
    "export": "fgmix.api",
    "layers": "fgmix.layers",
    "models": "fgmix.models",
    "open_run": "fgmix.api",
    "predict": "fgmix.api",
    "train": "fgmix.api",
}

__getattr__ = lazy_attributes(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Keras loads a saved model only if the classes of its layers are registered.
import_after("keras", "fgmix.layers")
