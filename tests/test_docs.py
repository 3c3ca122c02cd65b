"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"`([^`]+)` \| `(fgmix/[\w/]+\.py)` \|$")


def quoted_lines():
    """The lines of code that docs/method.md quotes, each with its file."""
    text = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    return [found.groups() for line in text.splitlines() if (found := CODE.search(line))]


def test_the_method_quotes_code():
    assert len(quoted_lines()) >= 15


@pytest.mark.parametrize(("code", "file"), quoted_lines())
def test_every_quoted_line_is_in_its_file(code, file):
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    assert code in lines
