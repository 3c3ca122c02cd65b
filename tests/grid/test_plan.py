"""The runs of a grid, and how far each has come."""

from dataclasses import replace

import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.models import ATTENTIONS
from fgmix.models.choices import GATED
from tests.grid import fakes
from tests.grid.grids import small_grid
from tests.pictures import write_classes


def places(cells):
    return [(c.config.backbone, c.config.attention, c.gate, c.config.seed) for c in cells]


def test_seeds_come_last_so_that_a_stopped_grid_holds_whole_comparisons(tmp_path):
    cells = small_grid(tmp_path, backbones=["resnet50", "vgg16"])
    assert places(cells) == [
        (backbone, attention, gate, seed)
        for seed in (0, 1)
        for backbone in ("resnet50", "vgg16")
        for attention, gate in (("none", ""), ("mixed", "linear"))
    ]


def test_gates_multiply_only_the_attentions_that_have_one(tmp_path):
    cells = small_grid(
        tmp_path,
        attentions=["none", "channel", "spatial", "mixed"],
        gates=["sigmoid", "softmax"],
        seeds=1,
    )
    assert [place[1:3] for place in places(cells)] == [
        ("none", ""),
        ("channel", ""),
        ("spatial", "sigmoid"),
        ("spatial", "softmax"),
        ("mixed", "sigmoid"),
        ("mixed", "softmax"),
    ]
    assert {c.config.gate for c in cells if not c.gate} == {"linear"}


def test_the_attentions_with_a_gate_are_those_that_can_be_told_one():
    with_gate = {
        name for name, make in ATTENTIONS.items() if "gate" in make(16, "sigmoid").get_config()
    }
    assert with_gate == set(GATED)


def test_a_folder_that_can_not_be_trained_on_is_refused_before_the_first_cell(tmp_path):
    photos = write_classes(tmp_path / "photos", {"red": 3, "Red": 3})
    with pytest.raises(FgmixError, match="differ only in upper and lower case"):
        small_grid(tmp_path, datasets=[str(photos)])


def test_each_cell_is_the_run_that_train_would_make(tmp_path):
    cells = small_grid(tmp_path / "runs")
    alone = TrainConfig(
        dataset="cars", backbone="resnet50", attention="mixed", weights="none", epochs=2, seed=1
    ).resolve()
    mine = next(c for c in cells if c.config.attention == "mixed" and c.config.seed == 1)
    assert mine.directory == tmp_path / "runs" / alone.run_dir.removeprefix("saved_models/")
    assert replace(mine.config, run_dir=alone.run_dir) == alone
    assert len({cell.directory for cell in cells}) == len(cells)


def test_a_grid_varies_recipes_shots_and_folds_too(tmp_path):
    cells = small_grid(
        tmp_path,
        attentions=["none"],
        seeds=1,
        recipes=["paper", "frozen"],
        shots=[5, 10],
        folds=2,
    )
    found = [(c.config.fold, c.config.recipe, c.config.shots) for c in cells]
    assert found == [(f, r, s) for f in (0, 1) for r in ("paper", "frozen") for s in (5, 10)]
    assert {c.config.folds for c in cells} == {2}
    assert len({c.directory for c in cells}) == 8


def test_without_a_backbone_it_is_that_of_train(tmp_path):
    cells = small_grid(tmp_path, backbones=[None])
    assert {c.config.backbone for c in cells} == {"vgg16"}


def test_weights_may_differ_by_backbone(tmp_path):
    file = tmp_path / "x.weights.h5"
    file.touch()
    cells = small_grid(
        tmp_path, backbones=["resnet50", "vgg16"], weights={"vgg16": str(file)}, seeds=1
    )
    assert {(c.config.backbone, c.config.weights) for c in cells} == {
        ("resnet50", "none"),
        ("vgg16", str(file)),
    }


def test_two_cells_are_never_one_run(tmp_path):
    for parent in ("x", "y"):
        (tmp_path / parent / "photos").mkdir(parents=True)
    folders = [str(tmp_path / "x/photos"), str(tmp_path / "y/photos")]
    with pytest.raises(FgmixError, match="would both be trained into"):
        small_grid(tmp_path, datasets=folders)


def test_a_run_on_photos_from_elsewhere_is_not_the_cells(tmp_path):
    cell = small_grid(tmp_path, data_dir=str(tmp_path / "half"))[0]
    fakes.train(cell.config)
    assert cell.refusal() is None
    whole = small_grid(tmp_path, data_dir=str(tmp_path / "whole"))[0]
    assert f"{tmp_path / 'half'}, not of {tmp_path / 'whole'}" in (whole.refusal() or "")


def test_a_folder_without_a_record_is_no_cells_run(tmp_path):
    cell = small_grid(tmp_path)[0]
    fakes.train(cell.config)
    (cell.directory / "config.json").unlink()
    assert "is not a run" in (cell.refusal() or "")


@pytest.mark.parametrize("text", ["", "[]", "{}", "half a {"])
def test_metrics_that_are_none_finish_nothing(tmp_path, text):
    cell = small_grid(tmp_path)[0]
    fakes.train(cell.config)
    (cell.directory / "metrics.json").write_text(text)
    assert cell.metrics() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attentions": ["mixd"]}, "--attentions mixd: choose from none"),
        ({"backbones": ["vgg"]}, "--backbones vgg: choose from vgg16"),
        ({"gates": ["relu"]}, "--gates relu: choose from linear"),
        ({"gates": []}, "--gates: give at least one"),
        ({"attentions": ["none", "none"]}, "--attentions none,none: one is named twice"),
        ({"datasets": ["cars", "cars"]}, "--dataset cars,cars: one is named twice"),
        ({"weights": {"vgg16": "none"}}, "--weights vgg16: choose from resnet50"),
        ({"weights": {"resnet50": "no.h5"}}, "no weights file .*no.h5 for resnet50"),
        ({"datasets": ["crs"]}, "no data set 'crs'"),
        ({"image_size": 31}, "--image-size 31 is too small for resnet50: give at least 32"),
        ({"seeds": 0}, "--seeds 0: must be at least 1"),
        ({"folds": 1}, "--folds 1: must be at least 2"),
        ({"shots": [5, 5]}, "--shots 5,5: one is named twice"),
        ({"shots": [-1]}, "--shots -1: must be at least 1"),
        ({"recipes": ["papr"]}, "--recipe papr: choose one of paper"),
    ],
)
def test_bad_grids_are_refused_in_one_line(tmp_path, changes, message):
    with pytest.raises(FgmixError, match=message) as caught:
        small_grid(tmp_path, **changes)
    assert "\n" not in str(caught.value)


def test_a_cell_knows_how_far_it_has_come(tmp_path):
    cell = small_grid(tmp_path)[0]
    assert not cell.begun()
    assert cell.history() == []
    assert cell.metrics() is None
    fakes.begin(cell.config, 1)
    assert cell.begun()
    assert [row["epoch"] for row in cell.history()] == ["1"]
    assert cell.metrics() is None
    fakes.train(replace(cell.config, resume=True))
    assert cell.metrics()["top1"] == 0.5
    assert cell.refusal() is None


def test_a_run_of_other_settings_in_a_cells_folder_is_told(tmp_path):
    cell = small_grid(tmp_path)[0]
    fakes.train(replace(cell.config, epochs=7))
    message = cell.refusal() or ""
    assert str(cell.directory) in message
    assert "--epochs was 7" in message
