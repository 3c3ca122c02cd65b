"""The documents quote existing code and link to existing files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"`([^`]+)` \| `(fgmix/[\w/]+\.py)` \|$")


def quoted_lines():
    """Returns the lines of code that docs/explanation/method.md quotes, and their files."""
    text = (ROOT / "docs/explanation/method.md").read_text(encoding="utf-8")
    return [found.groups() for line in text.splitlines() if (found := CODE.search(line))]


def test_the_method_quotes_code():
    assert len(quoted_lines()) >= 15


@pytest.mark.parametrize(("code", "file"), quoted_lines())
def test_every_quoted_line_is_in_its_file(code, file):
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    assert code in lines


SCRIPT = re.compile(r"`(?:benchmarks/)?(results/[\w.-]+\.json|(?:[a-z]+/)?[a-z_]+\.py)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "saved_models/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_nothing_is_left_to_fill_in(document):
    text = document.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []
    assert [line for line in text.splitlines() if re.fullmatch(r"[A-Z]{4,}", line)] == []
    assert [
        name
        for name in SCRIPT.findall(text)
        if document.parent.name == "benchmarks"
        and "NAME" not in name
        and not (document.parent / name).exists()
    ] == []


@pytest.mark.parametrize(
    "document",
    # The benchmarks' README has the commands of old records.
    [path for path in DOCUMENTS if path.parent.name != "benchmarks"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_benchmark_that_is_named_is_there(document):
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"\bbenchmarks/[\w./]+\.(?:py|json)\b", text)
    named += [f"{name.replace('.', '/')}.py" for name in re.findall(r"-m (benchmarks[\w.]+)", text)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_a_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
