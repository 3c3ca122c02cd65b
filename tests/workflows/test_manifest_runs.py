"""A table of labels from check to the exported model, beside the folder that it names."""

import csv
import json
import shutil

import pytest

import fgmix
from fgmix.cli import check, evaluate, export, predict, report
from fgmix.cli.main import run
from fgmix.comparison.study import open_study
from fgmix.data.sources.folder import load_folder
from fgmix.runs.run import Run
from tests.trained_runs import small_config


@pytest.fixture(scope="module")
def tabled(photos, tmp_path_factory):
    """A run on a table that names the photos of `finished`, one that is not there, and one twice.

    The table has been moved together with its photos since.
    """
    root = tmp_path_factory.mktemp("tabled")
    folder = shutil.copytree(photos, root / "photos")
    found = load_folder(folder)
    rows = [
        (path.replace("/", "\\"), found.class_names[label], name.upper())
        for name, split in found.splits.items()
        for path, label in zip(split.paths, split.labels, strict=True)
    ]
    rows = [*rows[::-1], ("gone.png", "red", "train"), rows[0]]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-16") as file:
        csv.writer(file, delimiter="\t").writerows([("image", "Species", "Part"), *rows])
    columns = "path=image,label=species,split=part"
    fgmix.train(
        small_config(folder / "labels.csv", root / "run", columns=columns, skip_bad_images=True)
    )
    return root / "run", folder.rename(root / "moved")


@pytest.fixture
def call(capsys):
    """Runs a command in this process; returns its exit code and what it says."""

    def call(main, *argv):
        code = run(main, [str(arg) for arg in argv])
        out, err = capsys.readouterr()
        return code, out + err

    return call


@pytest.mark.slow
def test_a_table_trains_the_run_of_the_folder_that_it_names(tabled, finished):
    found, folder = Run.open(tabled[0]), Run.open(finished)
    assert found.data["skipped"] == ["gone.png"]
    assert found.data["fingerprint"] == folder.data["fingerprint"]
    # To the bit only where no test between the two has made TensorFlow deterministic.
    assert found.metrics["loss"] == pytest.approx(folder.metrics["loss"], rel=1e-2)
    assert found.predictions.paths == folder.predictions.paths


@pytest.mark.slow
def test_it_is_compared_by_paths_relative_to_the_table(tabled, finished):
    study = open_study([tabled[0], finished])
    assert [group.settings["dataset"] for group in study.groups] == ["photos", "photos"]
    assert study.paths == Run.open(finished).predictions.paths
    assert study.notes == ()  # they were trained on the same photos


@pytest.mark.slow
def test_every_command_reads_it_where_it_is_now(tabled, call, tmp_path):
    model, moved = tabled
    columns = ("--columns", "path=image,label=species,split=part")
    code, told = call(evaluate.main, "--model", model)
    assert (code, "is no longer" in told) == (2, True)
    metrics = tmp_path / "metrics.json"
    place = ("--dataset", moved / "labels.csv")
    assert call(evaluate.main, "--model", model, *place, "--json", metrics)[0] == 0
    assert json.loads(metrics.read_text())["top1"] == Run.open(model).metrics["top1"]

    code, told = call(check.main, *place, *columns, "--output", tmp_path / "check")
    assert code == 1
    findings = json.loads((tmp_path / "check" / "report.json").read_text())["findings"]
    unreadable = next(f for f in findings if f["kind"] == "unreadable")
    assert [item["path"] for item in unreadable["items"]] == ["gone.png"]
    assert "1 of its 37 photos are not in" in told

    page = tmp_path / "report.html"
    assert call(report.main, model, *place, "--heatmaps", 1, "--output", page)[0] == 0
    assert "data:image" in page.read_text()
    assert call(export.main, "--model", model, *place, "--output", tmp_path / "served")[0] == 0

    (moved / "paths.csv").write_text("path\ntest/red/photo0.png\ngone.png\n")
    code, told = call(predict.main, "--model", model, moved / "paths.csv")
    first, second = map(json.loads, told.splitlines()[:2])
    assert code == 1
    assert first["path"] == str(moved / "test/red/photo0.png")
    assert first["label"] in Run.open(model).class_names
    assert "error" in second
