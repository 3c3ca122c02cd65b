"""fgmix: fine-grained image classification on small data with mixed attention.

`fgmix.train(TrainConfig(...))` does what `train.py` does; `fgmix.models.build_classifier` and
`fgmix.layers` are its building blocks. Heavy modules are imported on first use.
"""

from fgmix.lazy import lazy_attributes

__version__ = "0.1.0"
__all__ = ["FgmixError", "TrainConfig", "train"]

_HOME = {
    "FgmixError": "fgmix.errors",
    "TrainConfig": "fgmix.config.train_config",
    "train": "fgmix.workflows.train_and_evaluate",
}

__getattr__ = lazy_attributes(__name__, _HOME)
