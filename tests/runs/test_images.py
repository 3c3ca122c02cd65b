"""The images of a run where they are now, and other images to measure it on."""

import csv
import shutil

import numpy as np
import pytest

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources import folder, layout
from fgmix.data.sources.folder import load_folder
from fgmix.errors import FgmixError
from fgmix.runs.folder import prepare_run
from fgmix.runs.images import align_classes, load_images, load_measured, load_splits
from fgmix.runs.run import Run
from fgmix.workflows.common_images import load_common_images
from tests.trained_runs import CLASSES, TEST, TRAIN, draw_photos, small_config


def record_run(photos, run_dir, **settings):
    """The record of a run that was never trained."""
    config = small_config(photos, run_dir, **settings).resolve()
    prepare_run(config, load_splits(config), "float32")
    return Run(run_dir)


@pytest.fixture(scope="module")
def unsplit(tmp_path_factory):
    """A folder without split folders, whose test images are drawn by a seed."""
    return draw_photos(tmp_path_factory.mktemp("unsplit") / "photos", {"": 10})


@pytest.fixture
def moved(unsplit, tmp_path):
    """A run on these images, which are in another place now; the run and the place."""
    before = shutil.copytree(unsplit, tmp_path / "before")
    run = record_run(before, tmp_path / "run")
    return run, before.rename(tmp_path / "moved")


def paths(images):
    return {name: split.paths for name, split in images.splits.items()}


def test_a_folder_that_is_gone_is_told_with_the_remedy(moved, unsplit):
    run, place = moved
    with pytest.raises(FgmixError, match=r"are no longer in .*before: .* as --dataset"):
        load_images(run)
    for where in ({"dataset": str(place)}, {"data_dir": str(place)}):
        images = load_images(run, **where)
        assert images.root == place
        assert paths(images) == paths(load_folder(unsplit))


def test_changed_images_are_not_taken_for_the_runs_own(moved):
    run, place = moved
    (place / "red" / "photo0.png").unlink()
    with pytest.raises(FgmixError, match="have changed since"):
        load_common_images([run], str(place))


@pytest.mark.parametrize("change", ["another", "more", "other content"])
def test_other_images_are_measured_on_their_own_test_split(moved, change):
    run, place = moved
    if change == "another":
        (place / "red" / "photo0.png").unlink()
    elif change == "more":
        shutil.copy(place / "red" / "photo0.png", place / "red" / "new.png")
    else:
        shutil.copy(place / "blue" / "photo0.png", place / "red" / "photo0.png")
    images, split = load_measured(run, str(place))
    assert split == "test"
    assert paths(images) == paths(load_folder(place))


def test_other_images_are_looked_for_once(photos, tmp_path, monkeypatch):
    run = record_run(photos, tmp_path / "run")
    other = draw_photos(tmp_path / "other", {"train": 2, "test": 2})
    surveyed = []

    def survey(root, needs_train=True):
        surveyed.append(root)
        return layout.survey_folder(root, needs_train)

    monkeypatch.setattr(folder, "survey_folder", survey)
    monkeypatch.setattr(ImageDataset, "matches", lambda *_: pytest.fail("read needlessly"))
    images, _ = load_measured(run, str(other))
    assert len(images.splits["test"]) == 2 * len(CLASSES)
    assert surveyed == [other]


def test_images_that_moved_are_measured_on_the_split_of_the_run(photos, tmp_path):
    run = record_run(photos, tmp_path / "run", folds=4, fold=1)
    place = str(shutil.copytree(photos, tmp_path / "moved"))
    held_out = load_images(run).splits["fold"].paths
    for where in ({}, {"dataset": place}, {"data_dir": place}):
        images, split = load_measured(run, **where)
        assert split == "fold"
        assert images.splits[split].paths == held_out
    _, split = load_measured(run, place, split="test")
    assert split == "test"
    other = draw_photos(tmp_path / "other", {"train": 1, "test": 1})
    images, split = load_measured(run, str(other))
    assert (split, len(images.splits[split])) == ("test", len(CLASSES))


def test_all_images_are_those_of_every_split(photos, tmp_path):
    run = record_run(photos, tmp_path / "run", shots=2)
    everything = len(CLASSES) * (TRAIN + TEST)
    images, split = load_measured(run, str(photos), split="all")
    assert len(images.splits[split]) == everything
    images, split = load_measured(run, split="all")
    assert len(images.splits[split]) == len(CLASSES) * (2 + TEST)  # what the run used


def test_a_split_that_is_not_there_is_told(photos, tmp_path):
    run = record_run(photos, tmp_path / "run")
    for where in ({}, {"dataset": str(photos)}):
        with pytest.raises(FgmixError, match="no split 'fold': it has train, test"):
            load_measured(run, **where, split="fold")


def dataset(names, labels):
    split = Split(tuple(f"{i}.jpg" for i in range(len(labels))), np.array(labels, np.int32))
    return ImageDataset("other", None, names, {"train": split, "test": split})


def test_classes_are_renumbered_by_name():
    other = dataset(("c", "a"), [0, 1, 1, 0])
    aligned = align_classes(other, ("a", "b", "c"))
    assert aligned.class_names == ("a", "b", "c")
    for split in aligned.splits.values():
        assert split.labels.tolist() == [2, 0, 0, 2]
        assert split.labels.dtype == np.int32
        assert split.paths == other.splits["test"].paths


def test_the_same_classes_need_no_renumbering():
    other = dataset(("a", "b"), [0, 1])
    assert align_classes(other, ("a", "b")) is other


def test_classes_that_the_model_does_not_know_are_refused():
    with pytest.raises(FgmixError) as caught:
        align_classes(dataset(("a", "yacht", "tram"), [0, 1, 2]), ("a", "b"))
    assert len(str(caught.value).splitlines()) == 1
    assert "2 of the 3 classes" in str(caught.value)
    assert "'yacht', 'tram'" in str(caught.value)


def test_images_of_other_classes_are_refused(tmp_path):
    boats = draw_photos(tmp_path / "boats", {"train": 1, "test": 1}, ("yacht", "red"))
    with pytest.raises(FgmixError, match=r"1 of the 2 classes of boats.*'yacht'"):
        align_classes(load_folder(boats), CLASSES)


def test_a_class_whose_name_only_looks_like_one_of_the_model_is_told(tmp_path):
    boats = draw_photos(tmp_path / "boats", {"train": 1, "test": 1}, ("Blue", "red"))
    with pytest.raises(
        FgmixError, match=r"'Blue'; rename one of 'blue' and 'Blue', which differ only"
    ):
        align_classes(load_folder(boats), CLASSES)


def write_table(folder, table=None, header=("path", "label", "split")):
    """Writes a table of the images in a folder of split folders."""
    table = table or folder / "labels.csv"
    found = load_folder(folder)
    with table.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(header)
        for name, split in found.splits.items():
            for path, label in zip(split.paths, split.labels, strict=True):
                writer.writerow((path, found.class_names[label], name))
    return table


@pytest.fixture
def tabled(photos, tmp_path):
    """A run on a table with columns of its own, in the folder of its images."""
    before = shutil.copytree(photos, tmp_path / "before")
    table = write_table(before, header=("file", "species", "split"))
    return record_run(table, tmp_path / "run", columns="path=file,label=species")


def test_a_run_on_a_table_records_paths_of_its_folder(tabled, photos):
    assert tabled.data["name"] == "before"
    assert tabled.config.dataset == str(tabled.directory.parent / "before" / "labels.csv")
    assert tabled.data["fingerprint"] == load_folder(photos).fingerprint()
    assert {row["path"] for row in tabled.splits} == set(load_folder(photos).paths())
    assert paths(load_images(tabled)) == paths(load_folder(photos))


def test_a_table_that_moved_with_its_images_is_found_by_either(
    tabled, photos, tmp_path, monkeypatch
):
    moved = (tmp_path / "before").rename(tmp_path / "moved")
    with pytest.raises(
        FgmixError, match=r"is no longer .*before/labels\.csv: give it as --dataset"
    ):
        load_images(tabled)
    for where in (moved / "labels.csv", moved):
        images = load_images(tabled, str(where))
        assert (images.root, paths(images)) == (moved, paths(load_folder(photos)))
        images, split = load_measured(tabled, str(where))
        assert (images.root, split) == (moved, "test")
    monkeypatch.chdir(tmp_path)
    for where in ("moved/labels.csv", "moved"):
        assert paths(load_images(tabled, where)) == paths(load_folder(photos))


def test_images_that_moved_away_from_their_table_are_found_by_their_folder(tabled, tmp_path):
    table = (tmp_path / "before" / "labels.csv").rename(tmp_path / "labels.csv")
    moved = (tmp_path / "before").rename(tmp_path / "moved")
    for where in (
        {"dataset": str(table), "data_dir": str(moved)},
        {"dataset": str(shutil.copy(table, tmp_path / "x.csv")), "data_dir": str(moved)},
    ):
        assert load_images(tabled, **where).root == moved
    (tmp_path / "before").mkdir()
    shutil.copy(table, tmp_path / "before" / "labels.csv")
    for where in ({"dataset": str(moved)}, {"data_dir": str(moved)}):
        assert load_images(tabled, **where).root == moved
        assert load_measured(tabled, **where)[0].root == moved


def test_a_changed_table_is_not_taken_for_the_runs_own(tabled, tmp_path):
    table = tmp_path / "before" / "labels.csv"
    table.write_text(table.read_text().replace("photo0.png;red;train", "photo0.png;blue;train"))
    with pytest.raises(FgmixError, match="have changed since"):
        load_images(tabled)


def test_other_tables_are_measured(tabled, photos, tmp_path):
    other = draw_photos(tmp_path / "other", {"train": 1, "test": 2})
    with pytest.raises(FgmixError, match=r"no column 'file' and no column 'species'.*--columns"):
        load_measured(tabled, str(write_table(other)))
    images, split = load_measured(tabled, str(write_table(other)), columns="path=path,label=label")
    assert (split, len(images.splits[split])) == ("test", 2 * len(CLASSES))
    images, split = load_measured(tabled, str(photos))
    assert images.root == photos


def test_a_run_on_a_folder_finds_its_images_by_a_table_of_them(photos, tmp_path):
    run = record_run(photos, tmp_path / "run", folds=4, fold=1)
    table = write_table(photos, tmp_path / "labels.csv")
    images, split = load_measured(run, str(table), str(photos))
    assert split == "fold"
    assert images.splits[split].paths == load_images(run).splits[split].paths


def test_missing_images_of_a_table_are_skipped_where_the_run_skipped_them(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    table = write_table(folder)
    (folder / "train" / "red" / "photo0.png").unlink()
    config = small_config(table, tmp_path / "run").resolve()
    with pytest.raises(FgmixError, match="1 of its 36 photos are not in"):
        load_splits(config)
    dataset = load_splits(config, ["train/red/photo0.png"])
    prepare_run(config, dataset, "float32")
    assert len(load_images(Run(tmp_path / "run")).splits["train"]) == 23
