"""Exports for the tests of clients and servers."""

import shutil
from pathlib import Path

import pytest

from fgmix.serving.configs import write_serving_configs
from tests.data.codec.test_file_types import CONTENTS, SUFFIXES

NAME = "photos"


@pytest.fixture(scope="session")
def every_type(tmp_path_factory) -> Path:
    """A folder with a photo of every supported file type."""
    folder = tmp_path_factory.mktemp("types")
    for name, content in CONTENTS.items():
        (folder / f"{name}{SUFFIXES[name.split('-')[0]]}").write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def versions(finished, tmp_path_factory) -> Path:
    """A model of two versions with their configs; the second has the class "BLUE" for "blue"."""
    root = tmp_path_factory.mktemp("models") / NAME
    for version in ("1", "2"):
        shutil.copytree(finished / "1", root / version)
    graph = root / "2" / "saved_model.pb"
    content = graph.read_bytes()
    assert b"blue" in content
    graph.write_bytes(content.replace(b"blue", b"BLUE"))
    write_serving_configs(root, NAME)
    return root
