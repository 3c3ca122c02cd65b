"""`fgmix costs`: the table, its file, and the committed page."""

import sys
from pathlib import Path

import keras
import pytest

from fgmix import __main__ as commands
from fgmix.cli.main import run
from fgmix.models import ATTENTIONS, BACKBONES

COMMITTED = Path(__file__).parents[2] / "docs" / "explanation" / "costs.md"
CHEAP = ["tiny", "mobilenet_v2"]


@pytest.fixture
def call(capsys):
    """Runs the command; returns exit code, output and errors."""

    def call(*argv):
        code = run(commands.main, ["costs", *map(str, argv)])
        return code, *capsys.readouterr()

    return call


def cells(text):
    """Returns the rows of the table in a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def sentences(text):
    """Returns the text of a page before its command, in one line."""
    lines = text.partition("```")[0].splitlines()
    return " ".join(line for line in lines if not line.startswith("|"))


def test_the_table_is_printed_under_what_is_counted(call):
    code, out, err = call("--backbones", "tiny", "--image-size", 32, "--classes", 10)
    assert (code, err) == (0, "")
    first, *_ = out.splitlines()
    assert "pooling and additions are not counted" in first
    assert "`2C*C + C`" in first
    assert [row[:2] for row in cells(out)] == [["tiny", attention] for attention in ATTENTIONS]
    # The backbone has 416,488 parameters, and the head 512 x 512 + 512 + 4 x 512 + 5,130.
    assert cells(out)[0][2:6] == ["416,488", "0", "686,322", "0.00 %"]


def test_the_settings_reach_the_counts(call):
    small = ["--backbones", "tiny", "--image-size", 32, "--classes", 10]
    plain = cells(call(*small)[1])
    for change in (["--pooling", "avg"], ["--reduction", 4], ["--classes", 11]):
        assert cells(call(*small, *change)[1]) != plain


def test_a_page_is_written_whole(call, tmp_path):
    page = tmp_path / "costs.md"
    code, out, err = call("--backbones", "tiny", "--image-size", 32, "--output", page)
    assert (code, out, err) == (0, f"costs: {page}\n", "")
    assert list(tmp_path.iterdir()) == [page]
    text = page.read_text()
    flags = "--backbones tiny --image-size 32 --classes 196 --pooling flatten --reduction 16"
    assert f"```\nfgmix costs {flags} --output {page}\n```\n" in text
    assert f"Keras {keras.__version__}" in text
    assert len(cells(text)) == len(ATTENTIONS)


@pytest.mark.slow
def test_the_committed_page_is_what_the_command_gives(call, tmp_path):
    call("--backbones", ",".join(CHEAP), "--output", tmp_path / "costs.md")
    fresh = (tmp_path / "costs.md").read_text()
    committed = COMMITTED.read_text()
    again = "make it again with fgmix costs --output docs/explanation/costs.md"
    kept = [row for row in cells(committed) if row[0] in CHEAP]
    assert sorted(kept) == sorted(cells(fresh)), again
    said = [sentences(page).partition("with Keras ")[0] for page in (fresh, committed)]
    assert said[0] == said[1], again


def test_the_committed_page_has_every_backbone_and_attention():
    named = {tuple(row[:2]) for row in cells(COMMITTED.read_text())}
    assert named == {(backbone, attention) for backbone in BACKBONES for attention in ATTENTIONS}


@pytest.mark.parametrize("group", ["as it is", "missing"])
@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["--classes", "1"], "at least 2 classes, not 1"),
        (["--backbones", "tiny,vgg99"], f"'vgg99': choose one of {', '.join(BACKBONES)}"),
        (["--backbones", ""], "unknown backbone ''"),
        (["--pooling", "max"], "unknown pooling 'max': choose one of flatten, avg"),
        (["--backbones", "tiny", "--classes", "1"], "at least 2 classes, not 1"),
        (["--backbones", "tiny", "--image-size", "8"], "image size 8 is too small for tiny"),
        (["--output", "."], "--output . is a folder"),
        (["--output", "missing/costs.md"], "there is no folder 'missing'"),
    ],
)
def test_bad_input_is_one_line(call, argv, part, group, monkeypatch):
    if group == "missing":
        monkeypatch.setitem(sys.modules, "keras_hub", None)
    code, out, err = call(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert part in err
