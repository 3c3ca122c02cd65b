"""fgmix: fine-grained image classification on small data with mixed attention.

`fgmix.train(TrainConfig(...))` does what `fgmix train` does; `fgmix.models.build_classifier` and
`fgmix.layers` are its building blocks. Heavy modules are imported on first use.
"""

import sys

# First of all, since the imports below have syntax that an older Python can't read.
if sys.version_info < (3, 11):  # noqa: UP036  (a clone can be started with any Python)
    sys.stderr.write(
        "error: fgmix needs Python 3.11 or newer, and this is Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}: make an environment with a newer one, such "
        "as python3.12 -m venv .venv\n"
    )
    raise SystemExit(2)

from fgmix.lazy import lazy_attributes

__version__ = "0.2.0"
__all__ = ["FgmixError", "TrainConfig", "train"]

_HOME = {
    "FgmixError": "fgmix.errors",
    "TrainConfig": "fgmix.config.train_config",
    "train": "fgmix.workflows.train_and_evaluate",
}

__getattr__ = lazy_attributes(__name__, _HOME)
