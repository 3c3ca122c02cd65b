"""The names of runs in figures."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from fgmix.explanation.names import short_names


def run(path, attention):
    return SimpleNamespace(directory=Path(path), config=SimpleNamespace(attention=attention))


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([("a/x", "none"), ("a/y", "mixed")], ["none", "mixed"]),
        ([("a/x", "mixed"), ("a/y", "mixed")], ["x", "y"]),
        ([("a/x", "mixed"), ("b/x", "mixed")], ["a/x", "b/x"]),
        ([("a/x", "mixed"), ("a/x", "mixed")], ["a/x", "a/x"]),
    ],
)
def test_runs_have_the_shortest_names_that_tell_them_apart(runs, names):
    assert short_names([run(*one) for one in runs]) == names
