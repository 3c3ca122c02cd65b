"""Classifiers: backbone, attention and head. Importing this package does not import Keras."""

from fgmix.lazy import lazy_attributes

__all__ = ["ATTENTIONS", "BACKBONES", "build_classifier", "parameter_groups"]

_HOME = {
    "ATTENTIONS": "fgmix.models.attention",
    "BACKBONES": "fgmix.models.backbones.registry",
    "build_classifier": "fgmix.models.classifier",
    "parameter_groups": "fgmix.models.classifier",
}

__getattr__ = lazy_attributes(__name__, _HOME)
