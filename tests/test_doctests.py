"""The examples in docstrings run and give the output shown."""

import doctest
import inspect
from importlib import import_module

import pytest

MODULES = (
    "fgmix.config.fields",
    "fgmix.config.identity",
    "fgmix.config.recipes",
    "fgmix.config.train_config",
    "fgmix.data.importing.names",
    "fgmix.data.importing.parquet",
    "fgmix.data.importing.tree",
    "fgmix.data.sources.names",
    "fgmix.data.sources.walk",
    "fgmix.evaluation.calibration",
    "fgmix.evaluation.metrics",
    "fgmix.files",
    "fgmix.layers.cbam",
    "fgmix.layers.channel",
    "fgmix.layers.conv",
    "fgmix.layers.excitation",
    "fgmix.layers.mixed",
    "fgmix.layers.normalization",
    "fgmix.layers.patch_embedding",
    "fgmix.layers.resampling",
    "fgmix.layers.spatial",
    "fgmix.layers.tokens_to_map",
    "fgmix.layers.transformer_block",
    "fgmix.models.backbones.hub_preset",
    "fgmix.models.backbones.pretrained",
    "fgmix.models.backbones.registry",
    "fgmix.models.classifier",
    "fgmix.models.cost",
    "fgmix.models.ensemble",
    "fgmix.models.nested",
    "fgmix.models.resized",
    "fgmix.models.split",
    "fgmix.tables",
    "fgmix.training.distributed.hosts",
    "fgmix.training.losses",
)
"""The modules with examples. An example runs in a second or two and needs no network."""
PUBLIC = ("fgmix.layers", "fgmix.models")
"""Packages whose public classes and functions all have an example."""


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried, f"{name} has no examples"
    assert not failed


@pytest.mark.parametrize("package", PUBLIC)
def test_everything_public_has_an_example(package):
    module = import_module(package)
    offered = {name: getattr(module, name) for name in module.__all__}
    documented = {
        name: inspect.getdoc(value) or ""
        for name, value in offered.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
    assert documented
    assert [name for name, text in documented.items() if ">>> " not in text] == []
