"""`fgmix backbones`: a table made without Keras."""

import pytest

from fgmix import __main__ as commands
from fgmix.cli.main import run
from fgmix.models import BACKBONES
from fgmix.models.backbones.weight_sources import HubFile


@pytest.fixture
def listing(capsys, monkeypatch, tmp_path):
    """Runs the command with empty caches and returns its lines."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    monkeypatch.setattr(HubFile, "local", lambda source: None)

    def listing():
        assert run(commands.main, ["backbones"]) == 0
        return capsys.readouterr().out.splitlines()

    return listing


def table(lines):
    """Returns the rows of the first block by name."""
    rows = lines[1 : lines.index("")]
    return {row.split()[0]: row for row in rows}


def test_every_backbone_has_a_row_that_fits_the_screen(listing):
    lines = listing()
    rows = table(lines)
    assert list(rows) == list(BACKBONES)
    assert max(len(row) for row in [lines[0], *rows.values()]) <= 120


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (
            "vgg16_bn",
            "14.7 15.35 224, from 32 RGB, mean and std Hugging Face hub BSD-3-Clause no",
        ),
        ("vgg16", "14.7 15.35 224, from 32 BGR minus mean Keras CC BY 4.0 no"),
        ("tiny", "0.4 1.02 224, from 16 RGB to [-1, 1] none"),
        ("dinov2_small", "22.1 6.12 224, steps of 14 RGB, mean and std KerasHub Apache-2.0 no"),
        ("efficientnet_lite0", "3.4 0.38 224, from 32 (RGB - 127) / 128 KerasHub Apache-2.0 no"),
    ],
)
def test_a_row_tells_cost_sizes_normalisation_source_and_licence(listing, name, row):
    assert " ".join(table(listing())[name].split()) == f"{name} {row}"


def test_it_says_how_to_bring_what_is_not_at_hand(listing):
    lines = listing()
    flags = [i for i, line in enumerate(lines) if line.startswith("Downloaded by")]
    assert [lines[i].rpartition(" pass ")[2] for i in flags] == [
        "--weights FILE:",
        "--backbone hub:FOLDER:",
    ]
    for name, entry in BACKBONES.items():
        said = [i for i, line in enumerate(lines) if i > flags[0] and line.split()[:1] == [name]]
        assert len(said) == (1 if entry.source else 0)
        assert all(entry.source.by_hand in lines[i] for i in said)
        assert all((i > flags[1]) == (entry.preset is not None) for i in said)


def test_a_preset_at_hand_is_found_in_the_cache(listing, tmp_path):
    folder = tmp_path / "kagglehub/models/keras/dinov2/keras/dinov2_small/1"
    folder.mkdir(parents=True)
    (folder / "model.weights.h5").touch()
    lines = listing()
    assert table(lines)["dinov2_small"].endswith("yes")
    assert [line.split() for line in lines if str(folder) in line] == [
        ["dinov2_small", str(folder)]
    ]


def test_what_is_not_free_is_said(listing):
    assert "DINOv3 are not free" in " ".join(listing())


def test_it_says_where_weights_at_hand_lie(listing, tmp_path):
    (tmp_path / "models").mkdir()
    file = tmp_path / "models/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.touch()
    lines = listing()
    assert table(lines)["vgg16"].endswith("yes")
    assert table(lines)["resnet50"].endswith("no")
    assert [line.split() for line in lines if str(file) in line] == [["vgg16", str(file)]]


def test_a_stray_argument_is_one_line(capsys):
    assert run(commands.main, ["backbones", "vgg16"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown argument vgg16")
