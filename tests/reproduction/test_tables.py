"""The tables: the paper's numbers as printed, ours beside them, and the notes."""

import json
import re
from dataclasses import replace
from statistics import stdev

import pytest

from fgmix.comparison.published import PUBLISHED, TABLE_ONE
from fgmix.grid.state import State, state
from fgmix.reproduction.output import write_results
from fgmix.reproduction.summary import entries, has_papers_data
from fgmix.reproduction.tables import table_one, table_two
from tests.grid import fakes
from tests.grid.grids import small_grid
from tests.trained_runs import draw_photos


@pytest.fixture
def paper_backbones(monkeypatch):
    """Maps the test grids' backbones to the paper's."""
    names = {"vgg16": "VGG16", "resnet50": "ResNet-50"}
    monkeypatch.setattr("fgmix.reproduction.summary.BASE_MODELS", names)
    monkeypatch.setattr("fgmix.reproduction.tables.BASE_MODELS", names)


def grid(folder, finished=10**6, **changes):
    """The states of a small grid whose first cells are finished."""
    cells = small_grid(folder, **changes)
    for cell in cells[:finished]:
        fakes.train(cell.config)
    return {cell: state(cell) for cell in cells}


def rows(table):
    """Returns the cells of a Markdown table's rows."""
    lines = [line for line in table.splitlines() if re.match(r"\| (?!---)", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_published_figures_are_whole_numbers_of_test_images():
    for published in PUBLISHED.values():
        for top1 in published.top1.values():
            images = top1 / 100 * published.images["test"]
            # Four printed decimals of a percentage of 8,041 images: half of 1e-6 of them.
            assert abs(images - round(images)) < 0.01


def test_table_one_agrees_with_table_two_but_where_the_paper_contradicts_itself():
    differing = []
    for row in TABLE_ONE:
        if row.attention:
            printed = PUBLISHED["aircraft"].top1[row.base, row.attention]
            if abs(printed - row.top1) > 0.06:  # 87.1587 is printed as 87.1
                differing.append((row.base, row.attention, row.top1, printed, bool(row.note)))
    assert differing == [("ResNet-50", "mixed", 86.7, 87.0987, True)]


def test_a_place_is_the_mean_and_std_of_its_seeds(tmp_path):
    found = entries(grid(tmp_path, seeds=3))
    none = next(e for e in found if e.attention == "none")
    assert none.top1 == pytest.approx((50, 51, 52))
    assert none.mean == pytest.approx(51)
    assert none.std == pytest.approx(stdev([50, 51, 52]))
    assert none.ours() == "51.00 ± 1.00"


def test_table_two_has_the_papers_figure_beside_ours(tmp_path, paper_backbones):
    table = rows(table_two(grid(tmp_path, backbones=["vgg16", "resnet50"])))
    assert table == [
        [
            "method",
            "Stanford Cars-196, vgg16: paper",
            "Stanford Cars-196, vgg16: ours",
            "Stanford Cars-196, resnet50: paper",
            "Stanford Cars-196, resnet50: ours",
        ],
        ["Baseline", "87.9866", "50.50 ± 0.71", "88.1358", "50.50 ± 0.71"],
        ["MA-Ours", "88.8944", "80.50 ± 0.71", "88.7949", "80.50 ± 0.71"],
    ]


def test_what_is_not_whole_is_said(tmp_path, paper_backbones):
    states = grid(tmp_path, finished=3, attentions=["none", "mixed", "channel", "spatial"])
    last = list(states)[3]
    states[last] = State("failed", "no memory")
    table = table_two(states)
    assert [row[1:] for row in rows(table)[1:]] == [
        ["88.1358", "50.00 (1 of 2 seeds)"],
        ["88.7949", "80.00 (1 of 2 seeds)"],
        ["88.2850", "60.00 (1 of 2 seeds)"],
        ["88.4218", "failed"],
    ]
    assert "- Failed: cars, resnet50, spatial, gate linear, seed 0: no memory" in table


def test_other_gates_and_controls_have_rows_without_a_figure_of_the_papers(tmp_path):
    states = grid(tmp_path, finished=0, attentions=["spatial"], gates=["linear", "softmax"])
    assert [row[0] for row in rows(table_two(states))] == [
        "method",
        "SA-Ours",
        "SA-Ours, softmax gate",
    ]
    assert rows(table_two(states))[2][1:] == ["–", "not run"]


def test_another_data_set_than_the_papers_is_told(tmp_path):
    table = table_two(grid(tmp_path))
    assert "0 train, 0 test photos of 2 classes" in table
    assert "The paper's has 8,144 train, 8,041 test photos of 196" in table
    assert "not comparable" in table
    assert "From random weights, not ImageNet's: resnet50" in table
    assert "- Trained with --recipe paper --epochs 2.\n" in table


def test_every_setting_that_is_not_the_recipes_is_told(tmp_path):
    cells = small_grid(tmp_path, attentions=["mixed"], gates=["sigmoid"], seeds=1)
    config = replace(cells[0].config, head_lr=0.5, weights="x.h5")
    table = table_two({replace(cells[0], config=config): State("not run")})
    assert "- Trained with --recipe paper --epochs 2 --head-lr 0.5.\n" in table


def test_the_papers_photos_are_known_by_their_numbers(tmp_path):
    cells = list(grid(tmp_path))
    assert not has_papers_data("cars", cells)
    for cell in cells:
        path = cell.directory / "config.json"
        record = json.loads(path.read_text())
        record["data"] |= {"num_images": {"train": 8144, "test": 8041}, "num_classes": 196}
        path.write_text(json.dumps(record))
    assert has_papers_data("cars", cells)
    assert "not comparable" not in table_two({cell: state(cell) for cell in cells})
    assert not has_papers_data("demo", cells)


def test_a_folder_named_like_the_papers_set_is_not_taken_for_it(tmp_path):
    draw_photos(tmp_path / "cars", {"": 2})
    table = table_two(grid(tmp_path, finished=0, datasets=[str(tmp_path / "cars")]))
    assert "Stanford" not in table
    assert {row[1] for row in rows(table)[1:]} == {"–"}


def test_table_one_has_the_papers_gate_alone(tmp_path, paper_backbones):
    states = grid(tmp_path, seeds=1, gates=["sigmoid"])
    moved = {replace(c, config=replace(c.config, dataset="aircraft")): s for c, s in states.items()}
    assert {row[3] for row in rows(table_one(moved))[1:]} == {"–", "not run"}


def test_the_file_that_a_backbone_starts_from_is_told(tmp_path):
    (tmp_path / "rebuilt.weights.h5").touch()
    weights = {"resnet50": str(tmp_path / "rebuilt.weights.h5")}
    states = grid(tmp_path, finished=0, weights=weights)
    assert "- resnet50 starts from the file rebuilt.weights.h5.\n" in table_two(states)


def test_only_finished_runs_with_test_curves_are_drawn(tmp_path):
    states = grid(tmp_path, attentions=["none"])
    for cell in list(states)[:1]:
        history = cell.directory / "history.csv"
        history.write_text(history.read_text().replace("test_", "val_"))
    monitored = {
        replace(c, config=replace(c.config, monitor_test=True)): s for c, s in states.items()
    }
    note = (
        "Missing in Fig. 2, because trained without --monitor-test: cars, resnet50, none, seed 0."
    )
    assert note in table_two(monitored)
    failed = {c: State("failed", "no") for c in states}
    write_results(tmp_path / "out", failed)
    assert not list((tmp_path / "out").glob("fig2*"))


def test_runs_on_different_photos_are_not_to_be_compared(tmp_path):
    states = grid(tmp_path)
    config = next(iter(states)).directory / "config.json"
    config.write_text(config.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    assert "not trained on the same photos" in table_two(states)


def test_table_one_marks_what_is_cited_and_the_contradiction(tmp_path, paper_backbones):
    table = rows(table_one(grid(tmp_path, finished=0)))
    assert len(table) == 11
    cited = [row for row in table if "cited by the paper, not run here" in row[4]]
    assert [row[0] for row in cited] == [
        "BoT(+BBox)",
        "B-CNN",
        "Low-Rank B-CNN",
        "Kernel-Activation",
        "Kernel-Pooling",
        "Kernel-Pooling",
    ]
    assert {row[3] for row in cited} == {"–"}
    assert {row[3] for row in table[1:] if row not in cited} == {"not run"}
    assert table[-1][:3] == ["MA-Ours", "ResNet-50", "86.7"]
    assert "87.0987" in table[-1][4]


def test_table_one_takes_ours_from_aircraft_alone(tmp_path, paper_backbones):
    states = grid(tmp_path, seeds=1, gates=["linear", "sigmoid"])
    cell, found = list(states.items())[1]
    assert cell.config.attention == "mixed"
    moved = replace(cell, config=replace(cell.config, dataset="aircraft"))
    table = rows(table_one({**states, moved: found}))
    assert table[-1][3] == "80.00"
    assert {row[3] for row in table[1:-1]} == {"–", "not run"}


def test_every_file_is_written_and_holds_the_grid(tmp_path):
    states = grid(tmp_path, finished=3)
    write_results(tmp_path / "out", states)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "table1.md",
        "table2.md",
        "table2.csv",
        "table2.png",
        "cells.csv",
        "fig2-cars-resnet50.png",
        "comparison-cars-resnet50.md",
    }
    page = (tmp_path / "out/comparison-cars-resnet50.md").read_text()
    assert "- mixed is better than none (+29.50 points" in page
    assert (tmp_path / "out/table2.csv").read_text().splitlines() == [
        "dataset,backbone,attention,gate,paper_percent,mean_percent,standard_deviation_points,"
        "finished,planned,failed",
        f"cars,resnet50,none,,,50.5,{stdev([50.0, 51.0])},2,2,0",
        "cars,resnet50,mixed,linear,,80.0,,1,2,0",
    ]
    cells = (tmp_path / "out/cells.csv").read_text().splitlines()
    assert cells[0] == (
        "dataset,backbone,attention,gate,seed,status,epochs,top1_percent,mean_per_class_percent,"
        "run,reason"
    )
    assert cells[1].startswith("cars,resnet50,none,,0,finished,2,50.0,40.0,")
    assert cells[4].startswith("cars,resnet50,mixed,linear,1,not run,0,,,")


def test_runs_that_cannot_be_compared_spoil_no_grid(tmp_path):
    states = grid(tmp_path)
    (next(iter(states)).directory / "predictions.csv").unlink()
    write_results(tmp_path / "out", states)
    page = (tmp_path / "out/comparison-cars-resnet50.md").read_text()
    assert "Not made: " in page
    assert "has no predictions.csv" in page


def test_nothing_is_plotted_before_there_is_anything(tmp_path):
    write_results(tmp_path / "out", grid(tmp_path, finished=0))
    assert not list((tmp_path / "out").glob("*.png"))
